"""Errors that speak to the user: what is wrong, why, and what to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

TRAINING_MODULES = (
    "HersheyFonts",
    "filelock",
    "lightning",
    "llvmlite",
    "matplotlib",
    "numba",
    "onnx",
    "requests",
    "torch",
    "torchmetrics",
)
"""What the training extra installs."""
MAX_SEED = 2**32 - 1
"""The largest that NumPy's and PyTorch's generators both take."""


def printable(text: str) -> str:
    """The name of a file, or a text with one in it, as outputs have it: what is no UTF-8 in it is escaped."""
    try:
        return os.fsencode(text).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a character, as JSON can name it
        return text.encode("utf-8", "backslashreplace").decode()


class UserError(ValueError):
    """Input, data or environment that the user can mend. The command line prints it and exits with 1."""

    exit_code = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class UsageError(UserError):
    """A flag or argument with an impossible value. The command line prints it and exits with 2."""

    exit_code = 2


class Interrupted(UserError):
    """A signal ended work of which nothing is kept.

    Args:
        exit_code: With which the command line ends: 130 after Ctrl-C, 143 after SIGTERM.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__("Interrupted: nothing was written.")
        self.exit_code = exit_code


class ProgramFault(UserError):
    """A picture that the program fails on, though it should read or refuse it. Its cause is the exception."""


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of a picture before what is wrong with it."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{name}: {error}") from error


def attempt(name: str, work: Callable[[], T]) -> T | UserError:
    """What ``work`` gives, or what is wrong with the picture ``name``. No other picture suffers."""
    try:
        return work()
    except UserError as error:
        return error
    except MemoryError:
        return UserError(f"{name}: takes more memory than there is. Cut it to the writing.")
    except Exception as error:  # whatever a library raises on a picture, the others are read
        fault = ProgramFault(
            f"{name}: the program fails on this picture ({type(error).__name__}). Please report it, with the picture."
        )
        fault.__cause__ = error
        return fault


def check_seed(seed: int) -> None:
    """Check the seed of a command or a data module.

    Raises:
        UsageError: If it is not from 0 to ``MAX_SEED``.
    """
    if not 0 <= seed <= MAX_SEED:
        raise UsageError(f"--seed is {seed}, but must be from 0 to {MAX_SEED}.")


def counted(number: int, noun: str) -> str:
    """How many there are, in words: ``1 line``, ``1,234 lines``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def check_at_least(least: int, **numbers: int) -> None:
    """Check numbers, each named as its flag.

    Raises:
        UsageError: If one of them is below ``least``.
    """
    for name, number in numbers.items():
        if number < least:
            raise UsageError(f"--{name} is {number}, but must be at least {least}.")


def check_share(**shares: float) -> None:
    """Check shares, each named as its flag.

    Raises:
        UsageError: If one of them is not from 0 to 1.
    """
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise UsageError(f"--{name} is {share}, but a share is from 0 to 1.")


def check_pyarrow(what: str, instead: str) -> None:
    """Check that Parquet files and addresses of object stores can be written and read.

    Args:
        what: The flag or the kind of address that asks for them.
        instead: What else can be given.

    Raises:
        UsageError: If pyarrow is not installed.
    """
    try:
        import pyarrow.fs
        import pyarrow.parquet  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{what} needs pyarrow, which is not installed. "
            f"Install it with: pip install 'text-recognizer[cluster]', or give {instead}."
        ) from error


def needs_training(what: str, missing: str | None) -> str:
    """What to say where ``what`` needs the training extra, and the module ``missing`` of it is not installed."""
    return (
        f"{what} needs the training extra, which is not installed ({missing} is missing). "
        "Install it with: pip install 'text-recognizer[train]'"
    )
