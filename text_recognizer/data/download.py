"""Files of data sets: found by their metadata, fetched once, verified, cached.

``data/raw/<data set>/metadata.toml`` names each file's addresses and checksum::

    [[files]]
    filename = "gzip.zip"
    url = "https://..."         # or urls = ["https://...", "https://..."], tried in turn
    sha256 = "..."              # or md5; a list means that any of them is right

Where a file has no address of its own, ``page`` names the page of what it is made of, in place of ``url``.

The setting ``TEXT_RECOGNIZER_MIRROR`` (a folder or a base URL with ``<data set>/metadata.toml``, addresses relative to
that file) takes precedence, and the mirror's own checksums rule. ``TEXT_RECOGNIZER_CACHE`` moves the cache folder.

What a ``metadata.toml`` says is checked before it is used: a mirror is data of somebody else's.

The common download libraries either do not resume a broken transfer or do not accept several checksums, so this is
built on ``requests``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

import platformdirs
import requests
import urllib3
from filelock import FileLock
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, ValidationError, model_validator
from tqdm import tqdm

from text_recognizer.errors import UserError
from text_recognizer.files import is_about_writing

MIRROR_SETTING = "TEXT_RECOGNIZER_MIRROR"
CACHE_SETTING = "TEXT_RECOGNIZER_CACHE"
ATTEMPTS = 5  # in a row, per address, that bring no byte
PAUSE = 0.5  # seconds before the second attempt; doubled before each further one
LONGEST_PAUSE = 30  # seconds that a server may ask for
TIMEOUT = (10, 60)  # seconds to connect, seconds without a byte
CHUNK_SIZE = 1 << 16  # as much may be lost when a connection breaks
MAX_METADATA_BYTES = 1 << 20
CONNECTION_FAILURES = (
    "Name or service not known",
    "Temporary failure in name resolution",
    "getaddrinfo failed",
    "nodename nor servname provided",
    "Network is unreachable",
    "Connection refused",
    "IncompleteRead",
)

_OVERLOADED = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
"""What a server answers that may answer better in a moment."""

_BUILT_IN = (
    "  the built-in data, which needs no download; add to the command:",
    "    --data_class=PenStrokes                                     (a model of characters: MLP, CNN)",
    "    --data_class=EMNISTLines --glyphs=strokes --text=builtin    (a model of lines)",
    "    --data_class=PaperLines --glyphs=strokes --fonts=builtin --pen=builtin    (LineReader, on paper)",
)

_PACKAGED_METADATA = Path(__file__).parent / "raw"
_CHECKOUT = Path(__file__).parents[2]


def cache_folder() -> Path:
    """Where downloads and what is made of them are kept.

    ``TEXT_RECOGNIZER_CACHE`` if set, else ``data/`` of a checkout, else the user's cache folder.
    """
    if setting := os.environ.get(CACHE_SETTING):
        return Path(setting).expanduser()
    if _PACKAGED_METADATA.is_dir():
        return platformdirs.user_cache_path("text-recognizer")
    return _CHECKOUT / "data"


def processed_folder() -> Path:
    """The part of the cache that holds what was computed from downloads."""
    return cache_folder() / "processed"


@contextlib.contextmanager
def explain_write_errors(folder: Path) -> Iterator[None]:
    """Turn an ``OSError`` of ``folder`` (read-only, full) into a :class:`UserError` that says what to do."""
    try:
        yield
    except OSError as error:
        if not is_about_writing(error, folder):
            raise
        raise UserError(
            f"Cannot write to the cache folder {folder}: {error.strerror or error}.\n"
            f"Free some space there, or choose another folder: export {CACHE_SETTING}=/a/writable/folder"
        ) from error


@contextlib.contextmanager
def explain_damage(folder: Path) -> Iterator[None]:
    """Turn what NumPy raises of damaged arrays in a folder of the cache into one that says what helps."""
    try:
        yield
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"The cache {folder} is damaged ({error}). Delete the folder; it is made anew.") from error


def made_once(folder: Path, fill: Callable[[Path], None]) -> Path:
    """A folder of the cache, made if it is not there: whole or not at all, and by one process.

    Args:
        folder: Where it is to be. Its name tells it from what is made of other data.
        fill: Is given an empty folder to write to, which then takes its place.

    Raises:
        UserError: If the cache cannot be written.
    """
    if folder.is_dir():
        return folder
    with explain_write_errors(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                _fill(folder, fill)
    return folder


def _fill(folder: Path, fill: Callable[[Path], None]) -> None:
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # what a killed process has left
    try:
        part.mkdir()
        fill(part)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@dataclass(frozen=True)
class DataFile:
    """One file of a data set: where it comes from and how to tell that it is right.

    Attributes:
        dataset: Name of the data set, for example ``emnist``.
        filename: Name of the file.
        addresses: URLs, and paths of a mirror that is a folder.
        checksums: ``kind:hexadecimal digits``; a file that matches any of them is right.
        page: Of what it is made of, if nothing can be downloaded.
    """

    dataset: str
    filename: str
    addresses: tuple[str, ...]
    checksums: tuple[str, ...]
    page: str = ""

    @property
    def key(self) -> str:
        """Identifies the file's content; part of every cache path, so that different files never get mixed up."""
        return self.checksums[0].partition(":")[2][:12]

    @property
    def cached_path(self) -> Path:
        """Where the file is kept once it is downloaded."""
        return cache_folder() / "downloaded" / self.dataset / self.key / self.filename

    @property
    def is_at_hand(self) -> bool:
        """Whether it can be had without a transfer: from a mirror that is a folder, or from the cache."""
        return any(path.is_file() for path in (*self._local, self.cached_path))

    @property
    def _local(self) -> list[Path]:
        return [Path(address) for address in self.addresses if is_local(address)]

    @property
    def _remote(self) -> list[str]:
        return [address for address in self.addresses if not is_local(address)]

    def matches(self, path: Path) -> bool:
        """Whether the file at ``path`` has one of the checksums."""
        for kind in sorted({checksum.partition(":")[0] for checksum in self.checksums}):
            with path.open("rb") as file:
                if f"{kind}:{hashlib.file_digest(file, kind).hexdigest()}" in self.checksums:
                    return True
        return False

    def fetch(self) -> Path:
        """Path of the verified file; it is downloaded if neither a mirror's folder nor the cache holds it.

        Raises:
            UserError: If no address gives the right file, or the cache folder cannot be written.
        """
        for path in self._local:
            if path.is_file() and self.matches(path):
                return path
        if self._local and not self._remote:
            raise UserError(self._wrong_on_disk())
        path = self.cached_path
        if path.is_file() and self.matches(path):
            return path
        if not self._remote:
            raise UserError(self._failure([]))
        with explain_write_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_name(f"{path.name}.lock")):
                if not (path.is_file() and self.matches(path)):
                    self._download(path)
        return path

    def _wrong_on_disk(self) -> str:
        path = next((path for path in self._local if path.is_file()), None)
        if path is None:
            return f"The mirror's metadata names {self._local[0]}, but there is no such file."
        return (
            f"{path} is not the file that its metadata.toml describes: its checksum is none of\n  "
            + "\n  ".join(self.checksums)
            + "\nIt is truncated or altered; copy it again."
        )

    def _download(self, path: Path) -> None:
        part = path.with_name(f"{path.name}.part")
        tried = []
        for address in self._remote:
            reason = self._download_from(address, part)
            if reason is None:
                part.replace(path)
                return
            tried.append(f"  {address}: {reason}")
        raise UserError(self._failure(tried))

    def _download_from(self, address: str, part: Path) -> str | None:
        """Download to ``part`` from one address; returns what went wrong, or None if the file is there and right."""
        failures = 0
        while True:
            resumed_from = _size(part)
            try:
                _transfer(address, part, description=f"{self.dataset}/{self.filename}")
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                failures = 1 if _size(part) > resumed_from else failures + 1
                if failures == ATTEMPTS or not _may_pass(error):
                    return _reason(error)
                time.sleep(_pause(error, failures))
            except OSError:
                part.unlink(missing_ok=True)
                raise
            else:
                if self.matches(part):
                    return None
                reason = _wrong_content(part)
                part.unlink()
                if not resumed_from:
                    return reason

    def _failure(self, tried: list[str]) -> str:
        lines = [f"{self.dataset}/{self.filename} could not be downloaded. Tried:", *tried, "What helps:"]
        if not tried:
            readme = _own_folder(self.dataset) / "readme.md"
            lines = [
                f"{self.dataset}/{self.filename} has no address to download it from. What helps:",
                f"  making it of what {self.page} has, as {readme} says, for a mirror",
            ]
        if not os.environ.get(MIRROR_SETTING):
            lines += [
                f"  a mirror (a folder or base URL that holds {self.dataset}/metadata.toml):",
                f"    export {MIRROR_SETTING}=/folder/or/https://address",
            ]
        if tried:
            lines += [
                "  a manual download, on any machine, put where it is looked for:",
                f'    curl -L --create-dirs -o "{self.cached_path}" "{self._remote[0]}"',
            ]
        return "\n".join([*lines, *_BUILT_IN])


def data_file(dataset: str, filename: str) -> DataFile:
    """Look a file up in the metadata: the mirror's if ``TEXT_RECOGNIZER_MIRROR`` is set, else the project's own.

    Args:
        dataset: ``mnist``, ``emnist``, ``brown``, ``fonts`` or ``unipen``.
        filename: Name of the file in the metadata.

    Raises:
        UserError: If the mirror cannot be reached, lacks the data set, or its metadata is not in the right form.
    """
    mirror = os.environ.get(MIRROR_SETTING)
    source, text = _mirror_metadata(mirror, dataset) if mirror else _own_metadata(dataset)
    try:
        entries = {entry.filename: entry for entry in _Metadata.model_validate(tomllib.loads(text)).files}
        entry = entries[filename]
        addresses = tuple(_address(source, url) for url in entry.urls)
    except (ValueError, KeyError) as error:
        raise UserError(
            f"{source} does not describe {filename}: it needs a [[files]] table with filename, url and sha256 or md5."
            f"{_fault(error)}"
        ) from error
    return DataFile(dataset, filename, addresses, entry.checksums, entry.page)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")]
_Address = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00-\x1f]+$")]
_Sha256 = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9A-Fa-f]{64}$")]
_Md5 = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9A-Fa-f]{32}$")]


class _File(BaseModel):
    """An entry of ``metadata.toml``; one value may stand for a list of one."""

    filename: _FileName
    urls: Annotated[list[_Address], BeforeValidator(_as_list), Field(validation_alias="url")] = []
    page: str = ""
    sha256: Annotated[list[_Sha256], BeforeValidator(_as_list)] = []
    md5: Annotated[list[_Md5], BeforeValidator(_as_list)] = []

    @model_validator(mode="before")
    @classmethod
    def _spelled_url(cls, entry: object) -> object:
        return entry | {"url": entry["urls"]} if isinstance(entry, dict) and "urls" in entry else entry

    @model_validator(mode="after")
    def _is_complete(self) -> _File:
        if not self.checksums:
            raise ValueError("there is no checksum")
        if not self.urls and not self.page:
            raise ValueError("there is no url")
        return self

    @property
    def checksums(self) -> tuple[str, ...]:
        """``kind:hexadecimal digits``, of the stronger kind if both are there."""
        return tuple([f"sha256:{digest}" for digest in self.sha256] or [f"md5:{digest}" for digest in self.md5])


class _Metadata(BaseModel):
    files: list[_File]


def _fault(error: ValueError | KeyError) -> str:
    """Where an entry is wrong, if it is there at all."""
    if not isinstance(error, ValidationError):
        return "" if isinstance(error, KeyError) else f" It says: {error}."
    first = error.errors(include_url=False)[0]
    return f" At {'.'.join(map(str, first['loc']))}: {first['msg']}."


def _address(source: str, url: str) -> str:
    """An address of the metadata at ``source``; only metadata on this machine may name files of this machine."""
    address = url if not is_local(url) else _resolve(source, url)
    if is_local(address) and not is_local(source):
        raise ValueError(f"{url} is not an http or https address")
    return address


def fetch(dataset: str, filename: str) -> Path:
    """Path of a verified file of a data set; see :func:`data_file` and :meth:`DataFile.fetch`."""
    return data_file(dataset, filename).fetch()


def is_local(address: str) -> bool:
    """Whether an address is a path of this machine, not a URL."""
    return urlsplit(address).scheme not in ("http", "https")


def _own_folder(dataset: str) -> Path:
    return (_PACKAGED_METADATA if _PACKAGED_METADATA.is_dir() else _CHECKOUT / "data" / "raw") / dataset


def _own_metadata(dataset: str) -> tuple[str, str]:
    path = _own_folder(dataset) / "metadata.toml"
    return str(path), path.read_text(encoding="utf-8")


def _mirror_metadata(mirror: str, dataset: str) -> tuple[str, str]:
    """Address and content of the mirror's metadata of a data set."""
    source = _resolve(f"{mirror.rstrip('/')}/", f"{dataset}/metadata.toml")
    try:
        if is_local(source):
            return source, Path(source).read_text(encoding="utf-8")
        with requests.get(source, stream=True, timeout=TIMEOUT) as response:
            response.raise_for_status()
            return source, response.raw.read(MAX_METADATA_BYTES, decode_content=True).decode()
    except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
        raise UserError(
            f"The mirror that {MIRROR_SETTING} names has no readable {source}: {_reason(error)}.\n"
            f"Point {MIRROR_SETTING} to a folder or base URL that holds {dataset}/metadata.toml, "
            f"or use the official addresses: unset {MIRROR_SETTING}"
        ) from error


def _resolve(base: str, relative: str) -> str:
    """An address relative to ``base`` (a file, or a folder with ``/`` at its end); ``file:`` URLs become paths."""
    if not is_local(base):
        return urljoin(base, relative)
    folder = Path(_as_path(base)).expanduser()
    return str((folder if base.endswith("/") else folder.parent) / _as_path(relative))


def _as_path(address: str) -> str:
    return url2pathname(urlsplit(address).path) if address.startswith("file:") else address


def _transfer(url: str, part: Path, description: str) -> None:
    """Download ``url`` to ``part``, going on where an earlier transfer stopped if the server can do that."""
    start = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if start and response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()
            _transfer(url, part, description)
            return
        response.raise_for_status()
        if not _continues(response, start):
            start = 0
        remaining = response.headers.get("Content-Length", "")
        with (
            part.open("ab" if start else "wb") as file,
            tqdm(
                desc=description,
                total=start + int(remaining) if remaining.isdecimal() else None,
                initial=start,
                unit="B",
                unit_scale=True,
                disable=None,
            ) as progress,
        ):
            for chunk in response.raw.stream(CHUNK_SIZE, decode_content=False):
                file.write(chunk)
                progress.update(len(chunk))


def _may_pass(error: Exception) -> bool:
    """Whether another attempt may succeed: the server was busy, or a connection that was made broke off."""
    if isinstance(error, requests.HTTPError):
        return error.response is not None and error.response.status_code in _OVERLOADED
    if isinstance(error, requests.ConnectionError):
        return not (error.args and isinstance(error.args[0], urllib3.exceptions.MaxRetryError))
    return isinstance(error, requests.Timeout | requests.exceptions.ChunkedEncodingError | urllib3.exceptions.HTTPError)


def _pause(error: Exception, failures: int) -> float:
    """Seconds before the next attempt, as the server asks, or longer after each failure."""
    asked = getattr(getattr(error, "response", None), "headers", {}).get("Retry-After", "")
    return min(float(asked), LONGEST_PAUSE) if re.fullmatch(r"\d{1,9}", asked) else PAUSE * 2 ** (failures - 1)


def _continues(response: requests.Response, start: int) -> bool:
    """Whether the server sends the bytes from ``start`` on."""
    sent = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return response.status_code == HTTPStatus.PARTIAL_CONTENT and sent is not None and int(sent[1]) == start


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _wrong_content(path: Path) -> str:
    """What is wrong with a file that has the wrong checksum."""
    with path.open("rb") as file:
        begin = file.read(512).lstrip().lower()
    if begin.startswith((b"<!doctype html", b"<html")):
        return "a web page came in place of the file"
    return "the file that came is truncated or altered (its checksum is wrong)"


def _reason(error: Exception) -> str:
    """One line that says what went wrong on the way."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError | urllib3.exceptions.HTTPError):
        known = re.search("|".join(CONNECTION_FAILURES), str(error))
        return f"no connection, or it broke off ({known[0] if known else type(error).__name__})"
    return getattr(error, "strerror", None) or str(error)
