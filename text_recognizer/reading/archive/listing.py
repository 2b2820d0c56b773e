"""The files that arguments stand for: a stream of names, whose memory does not grow with their number."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from text_recognizer.errors import UsageError, UserError
from text_recognizer.files import is_special
from text_recognizer.reading.archive import addresses

LIST_SUFFIX = ".txt"
FOLDERS = "folders"
MOST_KINDS = 20


@dataclass(frozen=True)
class Shard:
    """A part of an archive: ``number`` of ``count``, from 1. A file's name alone says which part it is in."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard that a text like ``3/16`` names.

        Raises:
            UsageError: If it names none.
        """
        number, _, count = text.partition("/")
        if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise UsageError(f"--shard is {text!r}, but must be a part of all parts, as 1/16 to 16/16.")
        return cls(int(number), int(count))

    def holds(self, key: str) -> bool:
        """Whether a file is in this part."""
        if self.count == 1:
            return True
        digest = hashlib.blake2b(os.fsencode(key), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.count == self.number - 1

    def of(self, out: Path) -> Path:
        """The output of this part: ``rows.jsonl``, or of several parts ``rows-3-of-16.jsonl``."""
        return out if self.count == 1 else out.with_name(f"{out.stem}-{self.number}-of-{self.count}{out.suffix}")


@dataclass(frozen=True)
class Found:
    """A file to read.

    Attributes:
        file: Where it is.
        key: Its name below the folder that was given; machines that see the folder elsewhere make the same parts.
        error: Why it cannot be read, where its name tells.
    """

    file: str
    key: str
    error: UserError | None = None


@dataclass
class Listing:
    """The files that the arguments of ``read`` stand for.

    Attributes:
        sources: Folders, patterns, picture files, addresses of folders and files, and lists: text files with one name
            a line.
        suffixes: Endings of the files that are taken from folders, in lower case.
        recursive: Whether folders below folders are read too.
        shard: The part that is wanted.
        ordered: Whether the files of a folder or a pattern come in the order of their names, 2 before 10. Otherwise
            they come as the disk lists them, and their number takes no memory.
        skipped: How many files of folders were left out, by their endings.
    """

    sources: list[str]
    suffixes: Collection[str]
    recursive: bool = False
    shard: Shard = Shard()
    ordered: bool = False
    skipped: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[Found]:
        return (found for source in self.sources for found in self._of(source) if self.shard.holds(found.key))

    def _of(self, source: str) -> Iterator[Found]:
        if not source:
            yield Found(source, source, UserError("An empty name was given for a file. Is a variable not set?"))
        elif addresses.is_address(source):
            yield from self._of_address(source)
        elif os.path.isdir(source):  # noqa: PTH112 (Path's raises where a name is too long, or in a locked folder)
            yield from self._of_folder(source)
        elif source.lower().endswith(LIST_SUFFIX) and os.path.isfile(source):  # noqa: PTH113
            yield from _or_error(source, _of_list(Path(source)), "a list that names no file.")
        elif source != "-" and not os.path.exists(source) and glob.has_magic(source):  # noqa: PTH110
            matching = (Found(file, file) for file in glob.iglob(source, recursive=True))  # noqa: PTH207 (Path takes no absolute pattern)
            yield from _or_error(source, self._in_order(matching), "no file matches.")
        else:
            yield Found(source, source)

    def _in_order(self, found: Iterable[Found]) -> Iterable[Found]:
        return sorted(found, key=lambda one: _by_number(one.key)) if self.ordered else found

    def _of_address(self, address: str) -> Iterator[Found]:
        try:
            is_folder = addresses.is_folder(address)
        except UserError as error:
            yield Found(address, address, error)
            return
        yield from self._of_folder(address) if is_folder else [Found(address, address)]

    def _of_folder(self, folder: str) -> Iterator[Found]:
        name_below = addresses.name_below if addresses.is_address(folder) else os.path.relpath
        found = (Found(one.file, name_below(one.file, folder), one.error) for one in self._below(folder))
        wanted = f"a folder without files that end in {', '.join(sorted(self.suffixes))}."
        return _or_error(folder, self._in_order(found), wanted)

    def _below(self, folder: str) -> Iterator[Found]:
        entries = addresses.entries if addresses.is_address(folder) else _entries
        try:
            for path, name, is_folder in entries(folder):
                yield from self._of_entry(path, name, is_folder)
        except UserError as error:
            yield Found(folder, folder, error)

    def _of_entry(self, path: str, name: str, is_folder: bool) -> Iterator[Found]:
        if is_folder:
            if self.recursive:
                yield from self._below(path)
            else:
                self._skip(FOLDERS)
            return
        suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 (a Path for each of a million names is slow)
        if suffix in self.suffixes:
            yield Found(path, path)
        elif not name.startswith("."):
            self._skip(suffix or "files without an ending")

    def _skip(self, kind: str) -> None:
        self.skipped[kind if kind in self.skipped or len(self.skipped) < MOST_KINDS else "others"] += 1


def _entries(folder: str) -> Iterator[tuple[str, str, bool]]:
    """Of all that is in a folder but pipes and devices: its path, its name, and whether it is a folder.

    A link to a folder is none.
    """
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False) or not is_special(entry.path):
                    yield entry.path, entry.name, entry.is_dir(follow_symlinks=False)
    except OSError as error:
        raise UserError(f"{folder}: a folder that cannot be listed ({error.strerror or error}).") from error


def _of_list(path: Path) -> Iterator[Found]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
        for line in lines:
            if name := line.strip("\r\n"):
                missing = f"{name}: no such file. {path} names it: a {LIST_SUFFIX} file is a list of files, one a line."
                yield Found(name, name, None if _is_there(name) else UserError(missing))


def _is_there(name: str) -> bool:
    """Whether a file is there; what is at an address is known when it is read."""
    return addresses.is_address(name) or os.path.lexists(name)


def _or_error(source: str, found: Iterable[Found], reason: str) -> Iterator[Found]:
    """What was found; where that is nothing, the source with the reason, to be reported in its place."""
    nothing = True
    for one in found:
        nothing = False
        yield one
    if nothing:
        yield Found(source, source, UserError(f"{source}: {reason}"))


def _by_number(name: str) -> list[tuple[int, str]]:
    """A sorting key by which 2 comes before 10."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in parts]
