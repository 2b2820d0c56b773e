"""What all commands share: a parser that suggests, and errors without a traceback."""

from __future__ import annotations

import difflib
import os
import re
import signal
import sys
import threading
from argparse import Action
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import is_dataclass
from datetime import timedelta
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin

from jsonargparse import ArgumentParser

from text_recognizer.errors import UserError

LEAST_SIMILARITY = 0.7
"""Of a name to the one that is suggested in its place; a ratio of ``difflib``."""
_WRONG_VALUE = re.compile(r'Parser key "([\w.]+)":\s.*(?:Got|Given) value: ([^\n]*)\Z', re.DOTALL)
_IN_WORDS: dict[type, str] = {int: "a whole number", float: "a number", bool: "true or false"}
_PLAIN_TYPES = (bool, int, float, str, NoneType, timedelta)


def nearest(name: str, names: Iterable[str]) -> str:
    """``" Did you mean ...?"`` with the most similar of ``names``, or nothing if none is similar."""
    by_word = {_plain(known): known for known in names}
    matches = difflib.get_close_matches(_plain(name), by_word, n=1, cutoff=LEAST_SIMILARITY)
    return f" Did you mean {by_word[matches[0]]}?" if matches else ""


def _plain(name: str) -> str:
    """A name without what all flags have in common."""
    return name.lower().lstrip("-").replace("-", "_")


class Parser(ArgumentParser):
    """An argument parser whose errors fit on a screen and name the nearest flag.

    A flag that is true or false may stand alone, which means true. Dashes within a flag's name are its underscores.
    Values are plain: neither a flag nor a file of flags can name a class of any module, which would be imported. A text
    is what is written, ``#1`` and ``null`` too. An empty one is an error, unless it is the flag's default.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)

    def add_class_arguments(self, *args: Any, **kwargs: Any) -> Any:
        added = super().add_class_arguments(*args, **kwargs)
        self._take_plain_values()
        return added

    def add_function_arguments(self, *args: Any, **kwargs: Any) -> Any:
        added = super().add_function_arguments(*args, **kwargs)
        self._take_plain_values()
        return added

    def _take_plain_values(self) -> None:
        for action in self._actions:
            _take_plain_values(action)

    def format_help(self, *args: Any, **kwargs: Any) -> str:
        for action in [action for action in self._actions if _types(action) == (bool,)]:
            action.metavar = "[true|false]"
        return super().format_help(*args, **kwargs)

    def parse_args(self, args: Sequence[str] | None = None, **kwargs: Any) -> Any:  # type: ignore[override]
        args = [self._adding(self._with_underscores(arg)) for arg in (sys.argv[1:] if args is None else args)]
        spelled = [f"{arg}=true" if self._stands_alone(arg, args[i + 1 : i + 2]) else arg for i, arg in enumerate(args)]
        try:
            parsed = super().parse_args(spelled, **kwargs)
        except UnicodeDecodeError as error:
            self.error(f"a file of flags is not UTF-8 text ({error}). Save it as UTF-8.")
        for action in self._actions:
            if parsed.get(action.dest) == "" != action.default:
                name = action.option_strings[0] if action.option_strings else action.dest
                self.error(f"an empty text was given for {name}. Is a variable not set?")
        return parsed

    def _stands_alone(self, arg: str, following: Sequence[str]) -> bool:
        """Whether an argument is a flag that may be true and has no value."""
        types = [one for action in self._actions if arg in action.option_strings for one in _types(action)]
        if types == [bool]:
            return not following or following[0] not in ("true", "false")
        return bool in types and (not following or following[0].startswith("--"))

    def _with_underscores(self, arg: str) -> str:
        """``--max-epochs=5`` as ``--max_epochs=5``, if that is a flag."""
        name, equals, value = arg.partition("=")
        spelled = "--" + name[2:].replace("-", "_")
        known = any(spelled in action.option_strings for action in self._actions)
        return spelled + equals + value if name.startswith("--") and known else arg

    def _adding(self, arg: str) -> str:
        """``--model=A`` as ``--model+=A``, if that flag may be given several times, once for each value."""
        name, equals, value = arg.partition("=")
        types = [one for action in self._actions if name in action.option_strings for one in _types(action)]
        return f"{name}+{equals}{value}" if any(get_origin(one) is list for one in types) else arg

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        message = self._in_our_words(message)
        flags = [flag for action in self._actions for flag in action.option_strings]
        unknown = re.findall(r"--[\w.-]+", message) if "nrecognized" in message else []
        hints = "".join(nearest(flag, flags) for flag in unknown)
        print(f"{self.prog}: error: {message}{hints}\nTry {self.prog} --help.", file=sys.stderr)
        raise SystemExit(2)

    def _in_our_words(self, message: str) -> str:
        """What jsonargparse says of a value of the wrong type, as a sentence that names the flag."""
        found = _WRONG_VALUE.match(message)
        allowed = [_allowed(action) for action in self._actions if found and action.dest == found[1]]
        return f"--{found[1]} is {found[2]!r}, but must be {allowed[0]}." if found and any(allowed) else message


def _types(action: Action) -> tuple[Any, ...]:
    """What a flag may be: one type, or those of a union."""
    hint = getattr(action, "_typehint", None)
    return get_args(hint) or (hint,)


def _allowed(action: Action) -> str:
    """The values that a flag takes, in words; nothing where they are not as simple as that."""
    words: list[str] = []
    origin, types = get_origin(getattr(action, "_typehint", None)), _types(action)
    if origin not in (None, Literal, Union, UnionType):
        return ""
    for one in [one for one in types if one is not int or float not in types]:
        if origin is Literal or get_origin(one) is Literal:
            words += map(str, get_args(one) or (one,))
        elif one in _IN_WORDS:
            words.append(_IN_WORDS[one])
        elif one is not NoneType:
            return ""
    words = list(dict.fromkeys(words))
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _take_plain_values(action: Action) -> None:
    """Leave out of an action's type the classes that a value could name, and None, which YAML takes some texts for."""
    hint = getattr(action, "_typehint", None)
    members = get_args(hint)
    if set(members) == {str, NoneType}:
        action._typehint = str  # type: ignore[attr-defined]
        return
    plain = [one for one in members if not isinstance(one, type) or one in _PLAIN_TYPES or is_dataclass(one)]
    if hint is not None and get_origin(hint) in (Union, UnionType) and len(plain) < len(members):
        action._typehint = reduce(or_, plain)  # type: ignore[attr-defined]


def run_safely(command: Callable[[], Any]) -> int:
    """Run a command; a :class:`UserError`, what the machine fails in, and signals become a message and an exit code.

    Returns:
        The exit code: what the command returned if that is an integer, else 0; of a failure 1 or 2; of Ctrl-C 130; of
        SIGTERM 143.
    """
    try:
        with _terminable():
            try:
                result = command()
            finally:
                _write_out()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", file=sys.stderr)
        return 1
    except MemoryError:
        print("error: This takes more memory than there is. Ask for less at a time.", file=sys.stderr)
        return 1
    except UnicodeEncodeError as error:
        print(f"error: The output takes no {error.object[error.start]!r}. Set PYTHONIOENCODING=utf-8.", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print("Interrupted.", file=sys.stderr)
        return 128 + (signal.SIGTERM if isinstance(error, _Terminated) else signal.SIGINT)
    return result if isinstance(result, int) else 0


class _Terminated(KeyboardInterrupt):
    """SIGTERM came."""


@contextmanager
def _terminable() -> Iterator[None]:
    """Within the block SIGTERM ends work as Ctrl-C does: what is half done is removed. Nested, the outer one counts."""
    is_free = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not is_free or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        raise _Terminated

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _write_out() -> None:
    """Write what was printed and waits.

    Raises:
        UserError: If it cannot be written. It is dropped, or Python would try again at its end, and say so at length.
    """
    try:
        print(end="", flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise UserError(f"The output cannot be written: {error.strerror or error}.") from error
