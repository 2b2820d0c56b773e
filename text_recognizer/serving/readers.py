"""The recognizers of a server."""

from __future__ import annotations

from functools import lru_cache

from text_recognizer.hand.file import model_of
from text_recognizer.hand.store import hand_path
from text_recognizer.reading.recognizer import Decoder, TextRecognizer

_HANDS = 8


class Readers:
    """Recognizers by decoder and hand, each loaded when it is first asked for and kept; of hands, those asked for last.

    Args:
        model: An ONNX file made by ``text-recognizer export``; by default the model that ships with the package.
        threads: Batches of lines that each reads at the same time.
    """

    def __init__(self, model: str | None = None, threads: int = 2) -> None:
        self._general = lru_cache(maxsize=None)(lambda decoder: TextRecognizer(model, decoder, threads))
        self._of_hand = lru_cache(_HANDS)(lambda file, _, decoder: TextRecognizer(model_of(file), decoder, threads))

    def get(self, decoder: Decoder = "beam", hand: str | None = None) -> TextRecognizer:
        """The recognizer that decodes so and knows this hand, as its file is now.

        Raises:
            UserError: If the model or hand cannot be loaded, or there is no such hand.
        """
        if hand is None:
            return self._general(decoder)
        file = hand_path(hand)
        state = file.stat()
        return self._of_hand(file, (state.st_mtime_ns, state.st_size, state.st_ino), decoder)
