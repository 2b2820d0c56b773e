import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from text_recognizer.cli import COMMANDS, _parse, main
from text_recognizer.command_line import run_safely
from text_recognizer.errors import TRAINING_MODULES, UsageError, UserError

ROOT = Path(__file__).parents[1]
LAB_ENTRY = ROOT / "training" / "run_experiment.py"


def code_of(argv: list[str]) -> int:
    try:
        return main(argv)
    except SystemExit as end:
        return int(end.code or 0)


def test_without_a_command_it_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    listed = capsys.readouterr().out
    assert all(name in listed for name in COMMANDS)
    assert main(["--help"]) == 0


def test_an_unknown_command_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tarin"]) == 2
    assert "Did you mean train?" in capsys.readouterr().err


def test_a_group_lists_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hand"]) == 2
    assert main(["hand", "--help"]) == 0
    listed = capsys.readouterr().out
    assert "hand learn" in listed
    assert "  train" not in listed
    assert main(["hand", "lern"]) == 2
    assert "Did you mean hand learn?" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_its_flags(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [name, "EMNISTLines", "--help"] if name == "data" else [*name.split(), "--help"]
    with pytest.raises(SystemExit) as end:
        main(argv)
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert "usage: text-recognizer" in shown
    assert not re.findall(r"^  \S+ +\(required\)$", shown, re.MULTILINE)


def test_setup_names_the_commands_that_need_the_training_extra() -> None:
    without_training = f"""
import sys; sys.modules.update(dict.fromkeys({TRAINING_MODULES!r}))
import importlib; from text_recognizer.cli import COMMANDS
for name, command in COMMANDS.items():
    try: importlib.import_module(command.module)
    except ModuleNotFoundError: print(name)
"""
    done = subprocess.run([sys.executable, "-c", without_training], capture_output=True, text=True, timeout=120)
    setup = (LAB_ENTRY.parents[1] / "docs" / "setup.md").read_text(encoding="utf-8")
    [named] = re.findall(r"^(.*) need `pip install '\.\[train\]'`", setup, re.MULTILINE)
    assert re.findall(r"`(.*?)`", named) == done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize("command", [["train"], ["hand", "learn", "photo.jpg", "--name=mine"]])
def test_a_command_that_trains_names_the_extra_it_lacks(command: list[str]) -> None:
    without_torch = (
        f"import sys; sys.modules['torch'] = None; from text_recognizer.cli import main; sys.exit(main({command}))"
    )
    done = subprocess.run([sys.executable, "-c", without_torch], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "pip install 'text-recognizer[train]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_looking_at_a_data_set_prints_it_and_draws_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "samples.png"
    flags = "--glyphs strokes --text builtin --max_length 8 --num_train 20 --num_val 5 --num_test 5"
    assert main(["data", "EMNISTLines", *flags.split(), "--picture", str(picture)]) == 0
    assert picture.stat().st_size > 5_000
    printed = capsys.readouterr().out
    assert "not known before" in printed
    assert "train 20, val 5, test 5" in printed


def test_a_picture_that_cannot_be_written_is_told_of_before_a_download(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["data", "PenStrokes", f"--picture={tmp_path}/file/samples.png"]) == 1
    said = capsys.readouterr()
    assert "Cannot write" in said.err
    assert "Before loading" not in said.out


@pytest.mark.parametrize(
    ("failure", "code", "message"),
    [
        (OSError(28, "No space left on device", "last.ckpt"), 1, "error: No space left on device: last.ckpt"),
        (UserError("The file is empty."), 1, "error: The file is empty."),
        (UsageError("--lr is 0."), 2, "error: --lr is 0."),
        (KeyboardInterrupt(), 130, "Interrupted."),
        (MemoryError(), 1, "error: This takes more memory than there is. Ask for less at a time."),
    ],
)
def test_failures_become_a_message_and_an_exit_code(
    failure: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise failure

    assert run_safely(fail) == code
    assert capsys.readouterr().err.strip() == message


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_half_done(number: int, tmp_path: Path) -> None:
    program = f"""
import os, signal, sys, tempfile, time
from text_recognizer.command_line import run_safely
from text_recognizer.files import replacing

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start the tests with it ignored

def work():
    with tempfile.TemporaryDirectory(dir={str(tmp_path)!r}), replacing({str(tmp_path / "out.txt")!r}) as temporary:
        temporary.write_text("half")
        os.kill(os.getpid(), {int(number)})
        time.sleep(30)

sys.exit(run_safely(work))"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stderr) == (128 + number, "Interrupted.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["lines", "--help"], ["hand", "list"]])
def test_an_output_that_takes_nothing_is_one_line(argv: list[str], tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "TEXT_RECOGNIZER_HANDS": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "text_recognizer", *argv]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stderr) == (1, "error: The output cannot be written: No space left on device.\n")


@pytest.mark.parametrize("module", ["text_recognizer", "text_recognizer.cli"])
def test_the_command_is_a_module_too(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout[0].isdigit()


def test_outside_the_environment_the_way_into_it_is_named() -> None:
    program = f"import sys, runpy; sys.modules['lightning'] = None; runpy.run_path({str(LAB_ENTRY)!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "make setup, then: source .venv/bin/activate" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["", "--help-me", "EMNISTLine"])
def test_looking_at_nothing_is_wrong_use(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", name]) == 2
    assert "EMNISTLines" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("data PenStrokes --picture=samples.xyz", "--picture is 'samples.xyz', but must end in .png"),
        ("data PenStrokes --seed=4294967296", "--seed is 4294967296"),
        ("demo --out=demo", "--out is 'demo', but must end in .png"),
        ("demo --num_lines=0", "--num_lines is 0"),
        ("demo --seed=-1", "--seed is -1"),
        ("export run --out=weights.safetensors", "--out is 'weights.safetensors', but must end in .onnx"),
        ("export run --calibration_lines=-1", "--calibration_lines is -1"),
        ("lines --seed=99999999999999999999", "--seed is 99999999999999999999"),
        ("lines --text_mix=bytes", "a file of flags is not UTF-8 text"),
        ("lines --count=many", "--count is 'many', but must be a whole number."),
        ("lines --degraded=maybe", "--degraded is 'maybe', but must be true or false."),
        ("lines --text_mix.as_is=often", "--text_mix.as_is is 'often', but must be a number."),
        ("lines --shards=zip", "--shards is 'zip', but must be webdataset or parquet."),
        ("read a.png --decoder=slow", "--decoder is 'slow', but must be beam or greedy."),
    ],
)
def test_mistakes_are_named_before_any_work(
    command: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bytes").write_bytes(bytes(range(256)))
    assert code_of(command.split()) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["bytes"]


def test_the_data_sets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "--help"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in ("usage: text-recognizer data", "EMNISTLines"))


@pytest.mark.parametrize(
    ("flag", "hint"),
    [("--psm=7", ""), ("--quiet", ""), ("--jason", "--json"), ("--reject-bellow=1", "--reject_below")],
)
def test_a_hint_is_given_only_where_a_flag_is_similar(flag: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["read", "line.png", flag])
    said = capsys.readouterr().err
    assert ("Did you mean" in said) == bool(hint)
    assert hint in said


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("data", "train")])
def test_help_spells_flags_as_the_documents_do(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*name.split(), "--help"])
    shown = capsys.readouterr().out
    assert "{true,false}" not in shown
    assert not re.findall(r"--[a-z]+-[a-z-]+", shown)


@pytest.mark.parametrize("flag", ["profiler", "strategy"])
@pytest.mark.parametrize("value", ["evil.Thing", '{"class_path": "evil.Thing"}'])
def test_no_flag_and_no_file_of_flags_imports_a_module(
    flag: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "evil.py").write_text("from pathlib import Path\nPath('called').touch()\nThing = print")
    (tmp_path / "config.yaml").write_text(f"{flag}: {value}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for argv in (["--config=config.yaml"], [f"--{flag}={value}"]):
        assert code_of(["train", *argv, "--log_dir=logs"]) == 2
        assert not Path("called").exists()
        assert flag in capsys.readouterr().err


def test_flags_may_be_spelled_with_dashes(tmp_path: Path) -> None:
    out = tmp_path / "lines.png"
    assert main(["lines", "--max-chars=4", "--count", "2", "--glyphs=strokes", f"--out={out}"]) == 0
    assert out.is_file()
    with pytest.raises(SystemExit):
        main(["lines", "--max-cahrs=4"])


@pytest.mark.parametrize("text", ["#1", "#[0-9]+", "null", "~", "true", "12:30", " a ", "'a'"])
def test_a_text_is_taken_as_it_is_written(text: str) -> None:
    def greet(*, text: str | None = None) -> None:
        """Greet.

        Args:
            text: What to say.
        """

    for argv in ([f"--text={text}"], ["--text", text]):
        assert _parse(greet, argv, "greet") == {"text": text}
    assert _parse(greet, [], "greet") == {"text": None}


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["lines", "--out="], "--out"),
        (["lines", "--out", ""], "--out"),
        (["read", "line.png", "--format=text", "--out="], "--out"),
        (["read", "line.png", "--model="], "--model"),
        (["evaluate", ""], "folder"),
        (["finetune", ""], "folder"),
        (["data", "PenStrokes", "--picture="], "--picture"),
        (["train", "--log_dir="], "--log_dir"),
    ],
)
def test_an_empty_name_is_that_of_a_variable_that_is_not_set(
    argv: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert code_of(argv) == 2
    assert f"an empty text was given for {name}. Is a variable not set?" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
