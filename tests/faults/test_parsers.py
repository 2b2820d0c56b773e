"""Whatever outside data hold, parsers read them or refuse them with a message, and raise nothing else."""

from __future__ import annotations

import gzip
import io
import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from reading_tools import STRIDE, TOKENS, bars

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.download import MIRROR_SETTING, data_file
from text_recognizer.data.glyphs.idx import read_idx
from text_recognizer.data.text.sources import read_text_file, to_alphabet
from text_recognizer.errors import UserError
from text_recognizer.hand.file import HandFile
from text_recognizer.hand.samples import Samples
from text_recognizer.imaging.pictures import load_picture, pixels_of
from text_recognizer.reading.model_file import Metadata

settings.register_profile(
    "drills",
    max_examples=int(os.environ.get("DRILL_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=True,
)
settings.load_profile("drills")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def refused_or(work: Callable[[], Any]) -> Any:
    """What ``work`` gives, or None where it refuses with a message."""
    try:
        return work()
    except UserError:
        return None


@st.composite
def altered(draw: st.DrawFn, whole: bytes) -> bytes:
    """``whole``, cut, with some bytes replaced, and some put in."""
    data = bytearray(whole[: draw(st.integers(0, len(whole)))] if draw(st.booleans()) else whole)
    for place, value in draw(st.lists(st.tuples(st.integers(0, len(whole)), st.integers(0, 255)), max_size=8)):
        if place < len(data):
            data[place] = value
    place = draw(st.integers(0, len(data)))
    return bytes(data[:place]) + draw(st.binary(max_size=8)) + bytes(data[place:])


def idx_of(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@given(st.lists(st.integers(0, 6), min_size=1, max_size=3), st.integers(1, 3))
def test_idx_files_are_read_as_they_were_written(shape: list[int], ndim: int) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    read = refused_or(lambda: read_idx(io.BytesIO(gzip.compress(idx_of(array))), ndim=ndim, name="x"))
    assert (read is not None) == (ndim == array.ndim)
    assert read is None or np.array_equal(read, array)


@given(altered(idx_of(np.ones((2, 3, 4), np.uint8))), st.booleans())
def test_altered_idx_files(data: bytes, packed: bool) -> None:
    refused_or(lambda: read_idx(io.BytesIO(gzip.compress(data) if packed else data), ndim=3, name="x"))


@given(altered(gzip.compress(idx_of(np.ones((2, 3, 4), np.uint8)))))
def test_altered_gzip_files(data: bytes) -> None:
    refused_or(lambda: read_idx(io.BytesIO(data), ndim=3, name="x"))


def toml_of(entry: dict[str, Any]) -> str:
    """A metadata.toml of one file, or nothing where TOML has no such value."""
    text = "[[files]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in entry.items())
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ""
    return text


VALUES = st.text(max_size=12) | st.sampled_from(["../x", "/x", "a" * 64, "http://[", "file:///x"])
ENTRIES = st.dictionaries(
    st.sampled_from(["filename", "url", "urls", "sha256", "md5"]),
    VALUES | st.lists(VALUES, max_size=3) | st.integers(),
)


@given(entry=ENTRIES.map(toml_of) | st.text(max_size=60))
def test_metadata_of_a_mirror_stay_in_the_cache(tmp_path_factory: pytest.TempPathFactory, entry: str) -> None:
    folder = tmp_path_factory.mktemp("mirror")
    (folder / "set").mkdir()
    (folder / "set" / "metadata.toml").write_text(entry, encoding="utf-8", errors="replace")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv(MIRROR_SETTING, str(folder))
        file = refused_or(lambda: data_file("set", "a.bin"))
        if file is not None:
            assert file.cached_path.resolve().parent.parent == file.cached_path.parent.parent.resolve()
            refused_or(file.fetch)


PROPERTIES = Metadata(TOKENS, STRIDE).to_properties()


@given(st.sampled_from(sorted(PROPERTIES)), JSON.map(json.dumps) | st.text())
def test_metadata_of_a_model(name: str, value: str) -> None:
    metadata = refused_or(lambda: Metadata.from_properties(PROPERTIES | {name: value}, Path("model.onnx")))
    if metadata is not None:
        assert 1 <= metadata.stride <= 64
        assert all(len(token) == 1 or token.startswith("<") for token in metadata.alphabet)
        for confidence in (metadata.greedy, metadata.beam):
            assert 0 < confidence.character(0.5) < 1
            assert 0 <= confidence.of_line([0.5]) <= 1


@given(content=st.binary(max_size=200))
def test_hand_files_that_are_none(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "a.hand"
    file.write_bytes(content)
    assert refused_or(lambda: HandFile.read(file)) is None


@given(
    JSON | st.fixed_dictionaries({"characters": st.dictionaries(st.text(max_size=2), JSON)}, optional={"lines": JSON})
)
def test_what_was_written_on_a_screen(written: Any) -> None:
    refused_or(lambda: Samples.from_json(written))


@given(st.text())
def test_any_text_becomes_one_of_the_alphabet(text: str) -> None:
    folded = to_alphabet(text, "text")
    assert all(character in ALPHABET or character.isspace() for character in folded)


@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_text_files(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "text.txt"
    file.write_bytes(content)
    documents = refused_or(lambda: read_text_file(str(file)))
    assert documents is None or all(set(document) <= set(ALPHABET.characters) for document in documents)


def saved(kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(bars([20, 60], 100)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
@given(data=st.data())
def test_altered_pictures(kind: str, data: st.DataObject) -> None:
    content = data.draw(altered(saved(kind)))
    assume(pixels_of(content) <= 1_000_000)
    picture = refused_or(lambda: load_picture(content, "picture", max_pixels=1_000_000))
    if picture is not None:
        assert (picture.ndim, picture.dtype) == (2, np.uint8)
        assert picture.size <= 1_000_000
