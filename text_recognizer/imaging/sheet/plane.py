"""A sheet that lies askew in its picture, and how it looks level."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, eq=False)
class Plane:
    """A level view of a picture.

    Attributes:
        to_picture: float64 (3, 3), from pixels of the view to pixels of the picture; pixel k reaches from k to k + 1.
        shape: Rows and columns of the view.
    """

    to_picture: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def turned(cls, shape: tuple[int, ...], radians: float) -> Plane:
        """All of a picture of this shape, whose lines rise by ``radians`` to the right."""
        height, width = shape[:2]
        cosine, sine = np.cos(radians), np.sin(radians)
        across, down = height * abs(sine) + width * cosine, height * cosine + width * abs(sine)
        to_middle = np.array([[1, 0, -across / 2], [0, 1, -down / 2], [0, 0, 1]])
        turn = np.array([[cosine, sine, width / 2], [-sine, cosine, height / 2], [0, 0, 1]])
        return cls(turn @ to_middle, (max(1, round(down)), max(1, round(across))))

    def place(self, points: np.ndarray) -> np.ndarray:
        """Where points of the view, (..., 2) as x and y, are in the picture, float64 of the same shape."""
        flat = np.asarray(points, np.float64).reshape(-1, 1, 2)
        return np.asarray(cv2.perspectiveTransform(flat, self.to_picture).reshape(points.shape))

    def seen(self, small: np.ndarray, scale: float) -> np.ndarray:
        """The view at ``scale`` of a picture that was scaled so, uint8 (h, w); beside the picture it is plain paper."""
        size = tuple(max(1, round(side * scale)) for side in self.shape[::-1])
        middle = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        zoom = np.diag([scale, scale, 1.0])
        matrix = np.linalg.inv(middle) @ zoom @ self.to_picture @ np.linalg.inv(zoom) @ middle
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpPerspective(small, matrix, size, flags=flags, borderValue=int(np.median(small))))
