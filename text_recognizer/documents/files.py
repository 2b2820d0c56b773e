"""The files that an argument of the command line stands for."""

from __future__ import annotations

import glob
import re
import sys
from pathlib import Path

from text_recognizer.errors import UserError
from text_recognizer.imaging.pictures import PICTURES

SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".pbm", ".pgm", ".ppm"),
    *(".heic", ".heif", ".avif", ".pdf"),
}
"""Of the files that are read in folders."""
_SKIPPED_NAMED = 5


def expand(argument: str) -> list[str]:
    """The files that an argument stands for; the argument itself where that is none, to be reported in its place."""
    path = Path(argument)
    if path.is_dir():
        entries = sorted(path.iterdir(), key=lambda entry: _by_number(entry.name))
        _tell_skipped(argument, [entry for entry in entries if not _is_read(entry)])
        return [str(entry) for entry in entries if _is_read(entry)] or [argument]
    if argument != "-" and not path.exists() and glob.has_magic(argument):
        return sorted(glob.glob(argument, recursive=True), key=_by_number) or [argument]  # noqa: PTH207 (Path takes no absolute pattern)
    return [argument]


def check_is_file(file: str) -> None:
    """Check what :func:`expand` gave.

    Raises:
        UserError: If it is a folder that holds nothing to read, or a pattern that nothing matches.
    """
    if Path(file).is_dir():
        raise UserError(f"{file}: a folder without pictures; expected files of {', '.join(PICTURES)} or PDF.")
    if not Path(file).exists() and glob.has_magic(file):
        raise UserError(f"{file}: no file matches.")


def _is_read(entry: Path) -> bool:
    return entry.suffix.lower() in SUFFIXES and entry.is_file()


def _by_number(name: str) -> list[tuple[int, str]]:
    """A sorting key by which 2 comes before 10."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in parts]


def _tell_skipped(folder: str, entries: list[Path]) -> None:
    shown = [f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries if not entry.name.startswith(".")]
    if not shown:
        return
    more = f" and {len(shown) - _SKIPPED_NAMED} more" if len(shown) > _SKIPPED_NAMED else ""
    folders = f" Of the folders below it: {folder}/**/*.png" if any(name.endswith("/") for name in shown) else ""
    print(
        f"{folder}: skipped {', '.join(shown[:_SKIPPED_NAMED])}{more}; "
        f"read are its files whose names end in {', '.join(sorted(SUFFIXES))}.{folders}",
        file=sys.stderr,
    )
