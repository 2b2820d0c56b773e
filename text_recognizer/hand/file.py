"""A hand file: the weights of a reader that learned one person's writing, and what they wrote to teach it.

It is a safetensors file. Its weights are put into the graph of the reader that ships, so no graph and no code is in it.
As it may come from anyone, nothing in it is believed: its size and its checksum are checked, pydantic checks what it
says, and ONNX Runtime checks that the weights have the names, types and sizes of the graph's.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import safetensors.numpy
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from safetensors import SafetensorError, safe_open

from text_recognizer.alphabet import ALPHABET
from text_recognizer.errors import UserError
from text_recognizer.reading.model_file import DEFAULT_MODEL, LineModel, Metadata

SUFFIX = ".hand"
MAX_BYTES = 64 << 20

_KEY = "hand"
_OLD_MEMBERS = ("hand.json", "characters.png", "lines.png")
_DIGEST_LENGTH = 64

Rate = Annotated[float, Field(ge=0, lt=100, allow_inf_nan=False)] | None
Side = Annotated[int, Field(strict=True, gt=0, le=4096)]


def _in_alphabet(text: str) -> str:
    ALPHABET.encode(text)
    return text


Text = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_in_alphabet)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Figures:
    """Character error rates, before and after learning, of what was written but not learned from; None if nothing was.

    Attributes:
        lines_before, lines_after: Of lines composed of characters kept apart.
        words_before, words_after: Of the copied words.
        labelled_before, labelled_after: Of labelled lines kept apart.
    """

    lines_before: Rate = None
    lines_after: Rate = None
    words_before: Rate = None
    words_after: Rate = None
    labelled_before: Rate = None
    labelled_after: Rate = None

    @property
    def before(self) -> float | None:
        """The one figure to show: of labelled lines, or of composed ones, or else of words."""
        return next((one for one in (self.labelled_before, self.lines_before) if one is not None), self.words_before)

    @property
    def after(self) -> float | None:
        """The same after learning."""
        return next((one for one in (self.labelled_after, self.lines_after) if one is not None), self.words_after)

    def __str__(self) -> str:
        pairs = (
            ("lines of characters kept apart", self.lines_before, self.lines_after),
            ("the copied words", self.words_before, self.words_after),
            ("labelled lines kept apart", self.labelled_before, self.labelled_after),
        )
        rows = [
            f"  {name:32} {before:6.1%} before, {after:6.1%} after"
            for name, before, after in pairs
            if before is not None and after is not None
        ]
        return "\n".join(["Wrong characters in what it did not learn from:", *rows])


@dataclass(frozen=True, config=ConfigDict(extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"))
class Written:
    """Pictures of one size, side by side in one PNG.

    Attributes:
        texts: What each says, in rows from the left top.
        width, height: Of each, in pixels.
        columns: Pictures in a row.
        png: The pictures, grey, dark on white.
    """

    texts: Annotated[tuple[Text, ...], Field(max_length=4096)]
    width: Side
    height: Side
    columns: Side
    png: bytes


def _of_characters(written: Written) -> Written:
    if any(len(text) != 1 for text in written.texts):
        raise ValueError("a picture of a character says more than one")
    return written


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class About:
    """What a hand file says of itself.

    Attributes:
        figures: What learning gained.
        seed: The seed it was learned with.
        characters, lines: What the person wrote.
        reader: The reader that learned.
    """

    figures: Figures
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**63)]
    characters: Annotated[Written, AfterValidator(_of_characters)]
    lines: Written
    reader: Metadata
    version: Literal[2] = 2


class HandFile:
    """The content of a hand file.

    Args:
        about: What it says of itself.
        weights: Of the reader that learned, by their names in its graph.
    """

    def __init__(self, about: About, weights: Mapping[str, np.ndarray]) -> None:
        self.about, self.weights = about, weights

    @property
    def figures(self) -> Figures:
        """What learning gained."""
        return self.about.figures

    def to_bytes(self) -> bytes:
        """The file: the same content is the same bytes."""
        about = _ABOUT.dump_json(self.about).decode()
        return safetensors.numpy.save(dict(self.weights), {_KEY: _digest(about, self.weights) + about})

    @classmethod
    def read(cls, file: Path) -> HandFile:
        """Read and check a hand file.

        Raises:
            UserError: If it cannot be read, is damaged, or was written by an older version; the message says what
                mends that.
        """
        if _is_old(file):
            raise UserError(f"{file}: learned by an older version of this program. {_again(file)}")
        try:
            with safe_open(file, framework="numpy") as content:
                said = (content.metadata() or {})[_KEY]
                weights = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
            digest, about = said[:_DIGEST_LENGTH], said[_DIGEST_LENGTH:]
            if digest != _digest(about, weights) or not all(np.isfinite(weight).all() for weight in weights.values()):
                raise ValueError("its checksum is wrong")
            return cls(_ABOUT.validate_json(about), weights)
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError, MemoryError) as error:
            raise _damaged(file, error) from None

    def model(self, file: Path) -> LineModel:
        """The reader that learned this hand.

        Args:
            file: Where it is from, for messages.

        Raises:
            UserError: If the weights are not those of the reader that ships with this version.
        """
        try:
            model = LineModel(DEFAULT_MODEL, self.weights)
        except UserError as error:
            raise UserError(f"{file}: its weights are not those of this version's reader. {_again(file)}") from error
        if not self.about.reader.reads_like(model.metadata):
            raise UserError(f"{file}: learned by a reader of another alphabet or input. {_again(file)}")
        return model


_ABOUT = TypeAdapter(About)


def model_of(file: Path) -> LineModel:
    """The reader in a hand file.

    Raises:
        UserError: As :meth:`HandFile.read` and :meth:`HandFile.model` do.
    """
    return HandFile.read(file).model(file)


def writing_in(file: Path) -> tuple[Written, Written]:
    """The characters and lines that a hand was learned from; older hand files have them too.

    Raises:
        UserError: If the file cannot be read or is damaged.
    """
    if not _is_old(file):
        about = HandFile.read(file).about
        return about.characters, about.lines
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
                raise ValueError(f"unpacked it would have more than {MAX_BYTES >> 20} MB")
            text, *pngs = (archive.read(name) for name in _OLD_MEMBERS)
        said = TypeAdapter(dict[str, object]).validate_json(text)
        characters, lines = (said[kind] | {"png": png} for kind, png in zip(("characters", "lines"), pngs, strict=True))  # type: ignore[operator]
        written = TypeAdapter(Written)
        return _of_characters(written.validate_python(characters)), written.validate_python(lines)
    except (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError) as error:
        raise _damaged(file, error) from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise _damaged(file, error) from None


def _digest(about: str, weights: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(about.encode())
    for name, weight in sorted(weights.items()):
        digest.update(f"{name}{weight.dtype}{weight.shape}".encode() + weight.tobytes())
    return digest.hexdigest()


def _is_old(file: Path) -> bool:
    """Whether it is a ZIP archive, as hand files once were.

    Raises:
        UserError: If it cannot be read, or is too large.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise UserError(f"{file}: more than {MAX_BYTES >> 20} MB, which no hand file has.")
        with file.open("rb") as content:
            return content.read(4) == b"PK\3\4"
    except FileNotFoundError:
        raise UserError(f"{file}: there is no such file.") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror or error}).") from None


def _again(file: Path) -> str:
    return f"Learn it again from what was written: text-recognizer hand learn {file} --name {file.stem}"


def _damaged(file: Path, error: BaseException) -> UserError:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    else:
        reason = str(error) or type(error).__name__
    return UserError(
        f"{file}: damaged, or not a hand file ({reason}). "
        "Import it again, or learn the hand again: text-recognizer hand learn PHOTO --name NAME"
    )
