"""Finding a printed form in a photograph: the homography from its template, by what is printed on both.

Points are described and matched as Lowe has it ("Distinctive image features from scale-invariant keypoints",
International Journal of Computer Vision 2004), and those that one perspective explains are taken (Fischler and Bolles,
"Random sample consensus", Communications of the ACM 1981). Writing has no partner on the template and drops out.
"""

from __future__ import annotations

import cv2
import numpy as np

from text_recognizer.errors import UserError

_SIDE = 1600  # pixels of the longer side at which points are looked for
_POINTS = 4000
_RATIO = 0.8  # of the distances of the best and the second partner of a point
_TOLERANCE = 0.003  # of the picture's longer side
_FEWEST = 30
"""Points that must agree."""


class Registration:
    """Lays photographs upon a form.

    Args:
        blank: uint8 (h, w), the form without writing.

    Raises:
        UserError: If too little is printed on it.
    """

    def __init__(self, blank: np.ndarray) -> None:
        self._shape = blank.shape
        self._points, self._descriptors = _described(blank)
        if len(self._points) < 2 * _FEWEST:
            raise UserError("too little is printed on the form to find it by.")

    def homography(self, photo: np.ndarray) -> np.ndarray:
        """From pixels of the form to pixels of the photograph, float64 (3, 3).

        Args:
            photo: uint8 (h, w), any way up.

        Raises:
            UserError: If the form is not found in it.
        """
        points, descriptors = _described(photo)
        pairs = cv2.BFMatcher().knnMatch(self._descriptors, descriptors, k=2) if len(points) > 1 else []
        good = [first for first, second in pairs if first.distance < _RATIO * second.distance]
        agreeing = 0
        if len(good) >= _FEWEST:
            source = self._points[[one.queryIdx for one in good]]
            target = points[[one.trainIdx for one in good]]
            found, inliers = cv2.findHomography(source, target, cv2.RANSAC, _TOLERANCE * max(photo.shape))
            agreeing = 0 if found is None else int(inliers.sum())
            if agreeing >= _FEWEST and self._is_a_sheet(found):
                return np.asarray(found)
        wrong = "as no sheet lies" if agreeing >= _FEWEST else f"{_FEWEST} are needed"
        raise UserError(
            f"the form is not found in it ({agreeing} points of the print agree, {wrong}). "
            "Photograph the whole sheet, flat and sharp."
        )

    def _is_a_sheet(self, homography: np.ndarray) -> bool:
        """Whether the form's corners come to lie as those of a sheet seen from its front."""
        height, width = self._shape
        corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
        seen = cv2.perspectiveTransform(corners, homography)[0].astype(np.float32)
        sides = np.roll(seen, -1, axis=0) - seen
        following = np.roll(sides, -1, axis=0)
        turns = sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]
        return bool((turns > 0).all())


def _described(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of a picture in its pixels, float32 (N, 2), and their descriptors (N, 128)."""
    scale = min(1.0, _SIDE / max(picture.shape))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    points, descriptors = cv2.SIFT.create(_POINTS).detectAndCompute(small, None)
    places = np.array([point.pt for point in points], np.float32).reshape(-1, 2)
    return (places + 0.5) / scale - 0.5, np.zeros((0, 128), np.float32) if descriptors is None else descriptors
