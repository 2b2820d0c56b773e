"""The command ``text-recognizer``: a table of commands, each a function whose signature is its flags."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from text_recognizer.command_line import Parser, nearest, run_safely
from text_recognizer.errors import TRAINING_MODULES, UsageError, needs_training


@dataclass(frozen=True)
class Command:
    """Where a command's function is and what it does. ``parses_itself``: it takes the raw arguments and its name."""

    module: str
    function: str
    summary: str
    parses_itself: bool = False


COMMANDS = {
    "read": Command("text_recognizer.commands.read", "read", "read pictures and documents of handwriting"),
    "form": Command("text_recognizer.commands.form", "form", "read the fields of photographed forms"),
    "evaluate": Command("text_recognizer.commands.evaluate", "evaluate", "tell how well labelled lines are read"),
    "serve": Command("text_recognizer.commands.serve", "serve", "serve a page to write on, and an API"),
    "demo": Command("text_recognizer.commands.demo", "demo", "compose lines, learn to read them, show it (a minute)"),
    "lines": Command("text_recognizer.commands.lines", "lines", "show or write composed lines"),
    "data": Command("text_recognizer.commands.data", "main", "prepare a data set and look at it", parses_itself=True),
    "train": Command("text_recognizer.commands.train", "main", "train and test a model", parses_itself=True),
    "sweep": Command("text_recognizer.commands.sweep", "sweep", "train many times, to find better flags"),
    "finetune": Command("text_recognizer.commands.finetune", "finetune", "teach a reader your labelled lines"),
    "export": Command("text_recognizer.commands.export", "export", "make a model file of a training run"),
    "hand sheet": Command("text_recognizer.commands.hand.sheet", "sheet", "write the sheet to fill in"),
    "hand learn": Command("text_recognizer.commands.hand.learn", "learn_hand", "learn a hand from a photograph of it"),
    "hand script": Command(
        "text_recognizer.commands.hand.script", "script", "learn to read another script from a sheet of it"
    ),
    "hand list": Command("text_recognizer.commands.hand.list", "list_hands", "list the hands"),
    "hand show": Command("text_recognizer.commands.hand.show", "show", "show what a hand was learned from"),
    "hand remove": Command("text_recognizer.commands.hand.remove", "remove", "delete a hand"),
    "hand export": Command("text_recognizer.commands.hand.export", "export", "write a hand to a file"),
    "hand import": Command("text_recognizer.commands.hand.import_", "import_", "take in a hand file"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 fine, 1 failed, 2 wrong use."""
    words = sys.argv[1:] if argv is None else list(argv)
    return run_safely(lambda: _main(words))


def _main(argv: list[str]) -> Any:
    if not argv or argv[0] in ("-h", "--help"):
        print(_overview())
        return 0 if argv else 2
    if argv[0] == "--version":
        from importlib.metadata import version

        print(version("text-recognizer"))
        return 0
    group = [name for name in COMMANDS if name.startswith(f"{argv[0]} ")]
    if group and argv[1:] in ([], ["-h"], ["--help"]):
        print(_overview(group))
        return 0 if argv[1:] else 2
    words = 2 if group else 1
    name, rest = " ".join(argv[:words]), argv[words:]
    if name not in COMMANDS:
        print(f"error: there is no command {name!r}.{nearest(name, COMMANDS)}\n\n{_overview()}", file=sys.stderr)
        return 2
    return _run(name, rest)


def _overview(names: Iterable[str] = COMMANDS) -> str:
    commands = "\n".join(f"  {name:12} {COMMANDS[name].summary}" for name in names)
    return f"usage: text-recognizer COMMAND [flags]\n\ncommands:\n{commands}\n\nEach takes --help."


def _run(name: str, argv: list[str]) -> Any:
    command = COMMANDS[name]
    prog = f"text-recognizer {name}"
    try:
        function = getattr(importlib.import_module(command.module), command.function)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in TRAINING_MODULES:
            raise
        raise UsageError(needs_training(f"'{prog}'", error.name)) from error
    if command.parses_itself:
        return function(argv, prog)
    return function(**_parse(function, argv, prog))


def _parse(function: Callable[..., Any], argv: list[str], prog: str) -> dict[str, Any]:
    """Arguments of a function from the command line: a first positional list as it comes, all else as flags."""
    import docstring_parser

    documented = inspect.getdoc(function) or ""
    told = {parameter.arg_name: parameter.description for parameter in docstring_parser.parse(documented).params}
    parser = Parser(prog=prog, description=documented.split("\n\n")[0])
    positional = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    for name in positional:
        takes_many = "list" in str(inspect.signature(function).parameters[name].annotation)
        parser.add_argument(name, nargs="+" if takes_many else None, help=told[name])
    parser.add_function_arguments(function, as_group=False, skip=set(positional))
    return dict(vars(parser.instantiate(parser.parse_args(argv))))


if __name__ == "__main__":
    sys.exit(main())
