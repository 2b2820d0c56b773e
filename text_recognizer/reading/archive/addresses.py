"""Pictures at addresses, as ``s3://bucket/folder``: in object stores and file systems of clusters, by pyarrow.

Only the command line takes addresses. The server reads what is sent to it, and imports none of this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from text_recognizer.errors import UsageError, UserError, check_pyarrow
from text_recognizer.imaging.pictures import MAX_BYTES

KNOWN = "s3://, gs://, abfss://, hdfs:// and file://"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_address(source: str) -> bool:
    """Whether an argument of ``read`` is an address, and no name on the disk."""
    return _ADDRESS.match(source) is not None


def check_addresses(sources: Iterable[str]) -> None:
    """Check, before long work, that something is at each address among ``sources``.

    Raises:
        UsageError: If pyarrow is not installed or does not know such an address, or it holds a password.
        UserError: If it cannot be reached, or nothing is there.
    """
    for source in filter(is_address, sources):
        check_pyarrow(urlsplit(source).scheme + "://", "a folder")
        if urlsplit(source).password is not None:
            raise UsageError(
                "An address must not hold a password, which each row would show. "
                "Set the variables of its store instead, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
        is_folder(source)


def is_folder(address: str) -> bool:
    """Whether a folder is at an address, and no file.

    Raises:
        UserError: If neither is, or it cannot be reached.
    """
    from pyarrow.fs import FileType

    with _telling(address):
        system, path = _place(address)
        kind = system.get_file_info(path).type
        if kind == FileType.NotFound:
            raise FileNotFoundError
    return bool(kind == FileType.Directory)


def entries(folder: str) -> Iterator[tuple[str, str, bool]]:
    """Of all that is in a folder: its address, its name, and whether it is a folder.

    Raises:
        UserError: If it cannot be listed.
    """
    from pyarrow.fs import FileSelector, FileType

    parts = urlsplit(folder)
    with _telling(folder):
        system, path = _place(folder)
        found = system.get_file_info(FileSelector(path))
    for one in found:
        below = f"{parts.path.rstrip('/')}/{quote(one.base_name)}"
        yield urlunsplit(parts._replace(path=below)), one.base_name, one.type == FileType.Directory


def name_below(file: str, folder: str) -> str:
    """The name of a file within a folder, both by their addresses."""
    path, above = (unquote(urlsplit(address).path) for address in (file, folder))
    return path.removeprefix(above.rstrip("/")).lstrip("/")


def picture_at(file: str) -> str | bytes:
    """What a reader takes for a file that was found: its name on the disk, or what is at its address.

    Of a file that is larger than a picture may be, the first ``MAX_BYTES`` + 1 bytes come.

    Raises:
        UserError: If it cannot be fetched.
    """
    if not is_address(file):
        return file
    with _telling(file):
        system, path = _place(file)
        with system.open_input_stream(path, compression=None) as stream:
            return bytes(stream.read(MAX_BYTES + 1))


def _place(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it."""
    parts = urlsplit(address)
    system, start = _file_system(urlunsplit(parts._replace(path="/", fragment="")))
    path = unquote(parts.path).strip("/")
    return system, f"{start.rstrip('/')}/{path}" if path else start


@lru_cache
def _file_system(root: str) -> tuple[Any, str]:
    """A file system, and where in it the root is: of S3, the bucket. Making one may take several requests."""
    from pyarrow.fs import FileSystem

    system, start = FileSystem.from_uri(root)
    return system, start


@contextmanager
def _telling(address: str) -> Iterator[None]:
    """Within the block, what pyarrow raises becomes a :class:`UserError` that names the address."""
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(f"{address}: nothing is there.") from error
    except OSError as error:
        raise UserError(
            f"{address}: cannot be reached ({_first_line(error)}). "
            "Check the address, the network, and the variables with your keys."
        ) from error
    except (ValueError, ImportError) as error:
        raise UsageError(
            f"{address}: no address that can be read ({_first_line(error)}). There are addresses with {KNOWN}."
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
