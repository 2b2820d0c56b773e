"""A hand file: a reader that has learned one person's hand, and what they wrote to teach it. No code is in it.

It is a ZIP archive of exactly four members, which is never unpacked to disk: ``hand.json`` says what is in it,
``characters.png`` and ``lines.png`` hold what was written, ``reader.onnx`` is a model file. As it may come from anyone,
nothing in it is believed: sizes, names, checksums and types are checked, and the graph may consist only of the
operators that a reader needs, all inside the file.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from text_recognizer.alphabet import ALPHABET
from text_recognizer.errors import UserError
from text_recognizer.reading.model_file import LineModel

SUFFIX = ".hand"
VERSION = 1
MAX_BYTES = 64 << 20
OPERATORS = {"Add", "Cast", "Conv", "Div", "LogSoftmax", "Relu", "Squeeze", "Transpose", "Unsqueeze"}
"""What the graph of a reader is made of."""

_MEMBERS = ("hand.json", "characters.png", "lines.png", "reader.onnx")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a ZIP archive can have; a hand file carries none
_MAX_WRITTEN = 4096
_MAX_SIDE = 4096
_MAX_NUMBER = 4096  # of an operator's attributes, such as kernel sizes and paddings


@dataclass(frozen=True)
class Figures:
    """Character error rates, before and after learning, of what was written but not learned from; None if nothing was.

    Attributes:
        lines_before, lines_after: Of lines composed of characters kept apart.
        words_before, words_after: Of the copied words.
    """

    lines_before: float | None = None
    lines_after: float | None = None
    words_before: float | None = None
    words_after: float | None = None

    @property
    def before(self) -> float | None:
        """The one figure to show: of lines, or else of words."""
        return self.words_before if self.lines_before is None else self.lines_before

    @property
    def after(self) -> float | None:
        """The same after learning."""
        return self.words_after if self.lines_after is None else self.lines_after


@dataclass(frozen=True)
class Written:
    """Pictures of one size, side by side in one PNG.

    Attributes:
        texts: What each says, in rows from the left top.
        width, height: Of each, in pixels.
        columns: Pictures in a row.
    """

    texts: tuple[str, ...]
    width: int
    height: int
    columns: int


@dataclass(frozen=True, eq=False)
class HandFile:
    """The content of a hand file.

    Attributes:
        figures: What learning gained.
        seed: The seed it was learned with.
        characters, lines: What is on the two pictures.
        characters_png, lines_png: The pictures, grey, dark on white.
        model: The model file.
    """

    figures: Figures
    seed: int
    characters: Written
    lines: Written
    characters_png: bytes
    lines_png: bytes
    model: bytes

    def to_bytes(self) -> bytes:
        """The file: the same content is the same bytes."""
        about = {
            "version": VERSION,
            "seed": self.seed,
            "figures": asdict(self.figures),
            "characters": asdict(self.characters),
            "lines": asdict(self.lines),
        }
        contents = (json.dumps(about).encode(), self.characters_png, self.lines_png, self.model)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in zip(_MEMBERS, contents, strict=True):
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()

    @classmethod
    def read(cls, file: Path) -> HandFile:
        """Read and check a hand file.

        Raises:
            UserError: If it cannot be read, is damaged, or holds what no hand file may hold; the message names it.
        """
        try:
            about, characters_png, lines_png, model = _members(file)
            check_graph(model)
            return _from_json(json.loads(about), characters_png, lines_png, model)
        except FileNotFoundError:
            raise UserError(f"{file}: there is no such file.") from None
        except OSError as error:
            raise UserError(f"{file}: cannot be read ({error.strerror or error}).") from None
        except (ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError, MemoryError) as error:
            raise UserError(_damaged(file, error)) from None
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RecursionError) as error:
            raise UserError(_damaged(file, error)) from None


def model_of(file: Path) -> LineModel:
    """The reader in a hand file.

    Raises:
        UserError: As :meth:`HandFile.read` does.
    """
    return LineModel(file, HandFile.read(file).model)


def _damaged(file: Path, error: BaseException) -> str:
    return (
        f"{file}: damaged, or not a hand file ({error or type(error).__name__}). "
        "Import it again, or learn the hand again: text-recognizer hand learn PHOTO --name NAME"
    )


def _members(file: Path) -> list[bytes]:
    """The contents of the archive's members, their checksums verified."""
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES >> 20} MB")
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        if sorted(info.filename for info in infos) != sorted(_MEMBERS):
            raise ValueError(f"it must hold {', '.join(_MEMBERS)} and nothing else")
        if sum(info.file_size for info in infos) > MAX_BYTES:
            raise ValueError(f"unpacked it would have more than {MAX_BYTES >> 20} MB")
        return [archive.read(name) for name in _MEMBERS]


def _from_json(about: dict[str, object], characters_png: bytes, lines_png: bytes, model: bytes) -> HandFile:
    if about["version"] != VERSION:
        raise ValueError(f"version {about['version']!r}, but this program knows version {VERSION}")
    seed = about["seed"]
    if not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise ValueError(f"seed {seed!r}")
    figures = Figures(**about["figures"])  # type: ignore[arg-type]
    for name, value in asdict(figures).items():
        if value is not None and not (isinstance(value, float) and 0 <= value < 100):
            raise ValueError(f"{name} {value!r}")
    characters, lines = (_written(about[kind]) for kind in ("characters", "lines"))
    if any(len(text) != 1 for text in characters.texts):
        raise ValueError("a picture of a character says more than one")
    return HandFile(figures, seed, characters, lines, characters_png, lines_png, model)


def _written(about: object) -> Written:
    written = Written(**about)  # type: ignore[arg-type]
    texts = tuple(written.texts)
    if len(texts) > _MAX_WRITTEN or not all(isinstance(text, str) and 0 < len(text) <= 100 for text in texts):
        raise ValueError("what its pictures say makes no sense")
    ALPHABET.encode("".join(texts))
    sides = (written.width, written.height, written.columns)
    if not all(isinstance(side, int) and 0 < side <= _MAX_SIDE for side in sides):
        raise ValueError(f"pictures of {sides}")
    return Written(texts, *sides)


def check_graph(model: bytes) -> None:
    """Check that an ONNX model consists of ``OPERATORS`` alone, and is all in one piece.

    Only what says so is looked at, in the file's own form (Protocol Buffers), as the light install has no library for
    it.

    Raises:
        ValueError: If it does not; the message says what is in it.
    """
    for number, value in _fields(model):
        if number in (20, 25):
            raise ValueError("its reader holds functions")
        if number == 8 and _text(value, 1) not in ("", "ai.onnx"):
            raise ValueError(f"its reader needs the operators {_text(value, 1)!r}")
        if number == 7:
            _check_nodes(_bytes(value))


def _check_nodes(graph: bytes) -> None:
    for number, value in _fields(graph):
        if number == 15:
            raise ValueError("its reader holds sparse weights")
        if number == 5:
            _check_tensor(_bytes(value))
        if number == 1:
            operator, domain = _text(value, 4), _text(value, 7)
            if operator not in OPERATORS or domain not in ("", "ai.onnx"):
                raise ValueError(f"its reader holds the operator {domain}{'.' if domain else ''}{operator}")
            for part, attribute in _fields(_bytes(value)):
                if part == 5:
                    _check_attribute(_bytes(attribute))


def _check_attribute(attribute: bytes) -> None:
    for number, value in _fields(attribute):
        if number in (5, 10):
            _check_tensor(_bytes(value))
        elif number in (6, 11, 22, 23):
            raise ValueError("its reader holds a graph in a graph, or sparse weights")
        elif number in (3, 8):
            numbers = [value] if isinstance(value, int) else list(_varints(value))
            if any(abs(one - (one >> 63 << 64)) > _MAX_NUMBER for one in numbers):
                raise ValueError(f"its reader holds an operator of size {numbers}")


def _check_tensor(tensor: bytes) -> None:
    for number, value in _fields(tensor):
        if number == 13 or (number == 14 and value != 0):
            raise ValueError("its reader keeps weights in another file")


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and values of a Protocol Buffers message's fields: integers, or bytes of all else."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if kind == 2:
            size, place = _varint(message, place)
        else:
            size = {1: 8, 5: 4}[kind]
        if place + size > len(message):
            raise ValueError("its reader is cut short")
        yield key >> 3, message[place : place + size]
        place += size


def _varints(packed: bytes) -> Iterator[int]:
    place = 0
    while place < len(packed):
        value, place = _varint(packed, place)
        yield value


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise ValueError("its reader is cut short")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("its reader is no ONNX model")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("its reader is no ONNX model")
    return value


def _text(message: int | bytes, wanted: int) -> str:
    """The text in a field of a message; empty where it is not there."""
    for number, value in _fields(_bytes(message)):
        if number == wanted:
            return _bytes(value).decode()
    return ""
