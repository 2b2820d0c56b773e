"""The lab's commands as written, shortened by limits; what a run leaves behind; resuming, stopping, mistakes."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch

import text_recognizer
from text_recognizer.commands.train import main
from text_recognizer.errors import UserError
from text_recognizer.training.arguments import Experiment, parse
from text_recognizer.training.checkpoint import Checkpoint
from text_recognizer.training.experiment import build, placement
from text_recognizer.training.recognition import LineRecognition
from text_recognizer.training.weights import save_weights

ROOT = Path(__file__).parents[2]
LAB_COMMANDS = [
    "--model_class=MLP --data_class=MNIST --max_epochs=5 --gpus=1",
    "--model_class=CNN --data_class=MNIST --max_epochs=5 --gpus=1",
    "--model_class=CNN --data_class=EMNIST --max_epochs=5 --gpus=1",
    "--model_class=CNN --data_class=EMNIST --max_epochs=50 --gpus=1 --overfit_batches=2",
    "--model_class=CNN --data_class=EMNIST --max_epochs=50 --gpus=1 --overfit_batches=0.01",
    "--model_class=CNN --data_class=EMNIST --max_epochs=50 --gpus=1 --num_workers=4",
    "--max_epochs=5 --gpus=1 --num_workers=4 --data_class=EMNISTLines --max_length=16 --max_overlap=0 "
    "--model_class=LineReshapeCNN",
    "--max_epochs=5 --gpus=1 --num_workers=4 --data_class=EMNISTLines --max_length=16 --max_overlap=0 "
    "--model_class=LineCNN",
    "--max_epochs=5 --gpus=1 --num_workers=4 --data_class=EMNISTLines --max_length=16 --max_overlap=0.33 "
    "--model_class=LineReshapeCNN",
    "--max_epochs=5 --gpus=1 --num_workers=4 --data_class=EMNISTLines --max_length=16 --max_overlap=0.33 "
    "--model_class=LineCNN",
]
LIMITS = "--max_epochs=1 --limit_train_batches=1 --limit_val_batches=1 --limit_test_batches=1"
SMALL_LINES = (
    "--model_class LineCNN --data_class EMNISTLines --glyphs strokes --text builtin --max_length 8 --max_overlap 0 "
    "--num_train 64 --num_val 16 --num_test 16 --batch_size 16 --conv_dim 8 --fc_dim 16 --gpus 0"
)
PAPER_LINES = "--model_class LineReader --data_class PaperLines"
PEN_STROKES = "--model_class MLP --fc1 32 --fc2 32 --data_class PenStrokes --batch_size 50 --gpus 0"


def run_main(flags: str, log_dir: Path) -> tuple[int, dict[str, Any], Path]:
    code = main([*flags.split(), "--log_dir", str(log_dir)])
    run = sorted(log_dir.iterdir())[-1]
    return code, json.loads((run / "metrics.json").read_text()), run


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of two epochs on lines of pen strokes."""
    _, _, run = run_main(f"{SMALL_LINES} --max_epochs 2", tmp_path_factory.mktemp("logs"))
    return run


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("flags", LAB_COMMANDS[:-1])
def test_command_of_the_lab_runs_as_written(flags: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, metrics, _ = run_main(f"{flags} {LIMITS}", tmp_path)
    assert code == 0
    if not torch.cuda.is_available():
        assert capsys.readouterr().out.count("no GPU") == 1
    assert 0 <= metrics["test_acc"] <= 1
    assert ("train_acc" in metrics) == ("overfit" in flags)


@pytest.mark.usefixtures("mirror")
def test_the_labs_script_runs_the_last_of_them(tmp_path: Path) -> None:
    flags = f"{LAB_COMMANDS[-1]} {LIMITS} --log_dir {tmp_path}"
    command = [sys.executable, "training/run_experiment.py", *flags.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*-LineCNN-EMNISTLines/metrics.json"))) == 1


def test_a_run_leaves_its_config_logs_checkpoints_and_metrics(finished_run: Path) -> None:
    names = {path.name for path in finished_run.iterdir()}
    assert {"config.yaml", "metrics.csv", "metrics.json", "best.ckpt", "last.ckpt"} <= names
    assert any("tfevents" in name for name in names)
    metrics = json.loads((finished_run / "metrics.json").read_text())
    assert {"test_acc", "test_char_acc", "test_cer", "test_cer_folded", "test_exact"} <= set(metrics)
    assert metrics["epochs"] == 2


def test_a_trained_model_comes_back(finished_run: Path) -> None:
    for recognition in (text_recognizer.load(finished_run), LineRecognition.load_from_checkpoint(finished_run)):
        assert isinstance(recognition, LineRecognition)
        assert (type(recognition.model).__name__, recognition.loss) == ("LineCNN", "cross_entropy")
        assert not recognition.training
        assert len(recognition.read(torch.rand(2, 1, 28, 224))) == 2
    with pytest.raises(UserError, match="no checkpoint"):
        text_recognizer.load(finished_run / "nothing.ckpt")


def test_the_mean_of_the_weights_is_tested_as_it_is_saved(tmp_path: Path) -> None:
    _, metrics, run = run_main(f"{PEN_STROKES} --max_epochs 1 --ema_decay 0.999", tmp_path)
    data, _, _ = build(parse(["--config", str(run / "config.yaml")], prog="text-recognizer train"))
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    [loaded] = trainer.test(text_recognizer.load(run), datamodule=data, verbose=False)
    assert {name: metrics[name] for name in loaded} == pytest.approx(loaded)


def test_its_config_runs_again_to_the_same_figures(finished_run: Path, tmp_path: Path) -> None:
    code, again, _ = run_main(f"--config {finished_run / 'config.yaml'}", tmp_path)
    first = json.loads((finished_run / "metrics.json").read_text())
    assert code == 0
    assert again["test_cer"] == first["test_cer"]
    assert again["train_loss"] == pytest.approx(first["train_loss"], rel=1e-3)


@pytest.mark.parametrize(
    "flags",
    [
        "--limit_val_batches 0",
        "--check_val_every_n_epoch 5",
        "--fast_dev_run true",
        "--max_epochs -1 --max_steps 3",
        "--loss ctc --window_width 16 --window_stride 8",
        "--auto_lr_find",
    ],
)
def test_flags_that_change_how_a_run_goes(flags: str, tmp_path: Path) -> None:
    code, metrics, _ = run_main(f"{SMALL_LINES} --max_epochs 1 {flags}", tmp_path)
    assert code == 0
    assert metrics["test_cer"] > 0


def test_characters_have_a_confusion_matrix(mirror: str, tmp_path: Path) -> None:
    _, metrics, run = run_main(f"--model_class MLP --data_class MNIST --gpus 0 {LIMITS}", tmp_path)
    assert (run / "confusion.png").stat().st_size > 10_000
    assert {"test_acc", "test_acc_per_class", "test_acc_folded"} <= set(metrics)


def test_a_checkpoint_resumes_at_its_epoch(finished_run: Path, tmp_path: Path) -> None:
    checkpoint = finished_run / "last.ckpt"
    _, metrics, run = run_main(f"{SMALL_LINES} --max_epochs 3 --load_checkpoint {checkpoint}", tmp_path)
    before, after = (torch.load(path, weights_only=True) for path in (checkpoint, run / "last.ckpt"))
    assert (metrics["epochs"], before["global_step"], after["global_step"]) == (3, 8, 12)


def test_a_finished_checkpoint_is_only_tested(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = finished_run / "last.ckpt"
    code, metrics, run = run_main(f"{SMALL_LINES} --max_epochs 2 --load_checkpoint {checkpoint}", tmp_path)
    assert code == 0
    assert "nothing to train" in capsys.readouterr().out
    assert "test_cer" in metrics
    assert not (run / "last.ckpt").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--conv_dim 16", "has another conv_dim 8 (wanted: 16)"),
        ("--optimizer SGD", "has another optimizer AdamW (wanted: SGD)"),
        ("--lr 0.01 --weight_decay 0.1", "has another lr 0.003 (wanted: 0.01), weight_decay 0.01 (wanted: 0.1)"),
        ("--batch_size 8 --seed 7", "has another batch_size 16 (wanted: 8), seed 42 (wanted: 7)"),
    ],
)
def test_a_checkpoint_of_another_model_or_training_is_refused(
    flags: str, message: str, finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = f"{SMALL_LINES} --load_checkpoint {finished_run / 'last.ckpt'} {flags} --log_dir {tmp_path}"
    assert main(arguments.split()) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_says_nothing_of_its_training_is_taken(finished_run: Path) -> None:
    now = Checkpoint.load(str(finished_run / "last.ckpt")).description
    replace(now, training={}).require(replace(now, training=now.training | {"lr": 0.01}), "last.ckpt")


def test_a_checkpoint_that_would_execute_code_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": {}, "hook": os.system}, tmp_path / "evil.ckpt")
    assert (
        main([*SMALL_LINES.split(), "--load_checkpoint", str(tmp_path / "evil.ckpt"), "--log_dir", str(tmp_path)]) == 1
    )
    assert "evil.ckpt" in capsys.readouterr().err


def test_weights_of_an_exported_model_are_where_training_starts(finished_run: Path, tmp_path: Path) -> None:
    checkpoint = Checkpoint.load(str(finished_run / "best.ckpt"))
    save_weights(tmp_path / "model.safetensors", checkpoint)
    flags = f"{SMALL_LINES} --load_weights {tmp_path / 'model.safetensors'}"
    _, recognition, _ = build(parse(flags.split(), prog="text-recognizer train"))
    for name, value in recognition.model.state_dict().items():
        torch.testing.assert_close(value, checkpoint.weights[name], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--conv_dim 4", "has weights of other sizes"),
        ("--model_class LineReshapeCNN", "holds a LineCNN that reads"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    flags: str, message: str, finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_weights(tmp_path / "model.safetensors", Checkpoint.load(str(finished_run / "best.ckpt")))
    arguments = f"{SMALL_LINES} --load_weights {tmp_path / 'model.safetensors'} {flags} --log_dir {tmp_path}"
    assert main(arguments.split()) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must hold flags"),
        ("- a\n- b", "must hold flags"),
        ("a: [", "cannot be read as YAML"),
        ("no_flag: 1", "no_flag"),
        ("model_class: os.system", "--model_class is 'os.system', but must be one of MLP"),
        (
            "model_class: {class_path: subprocess.Popen}",
            "--model_class is {'class_path': 'subprocess.Popen'}",
        ),
        ("data_class: [MNIST]", "--data_class is ['MNIST'], but must be one of MNIST"),
        ("init: [reader]", "--init is ['reader'], but must be reader or a file"),
    ],
)
def test_a_config_file_that_is_none_is_named(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "flags.yaml").write_text(content)
    try:
        code = main(["--config", str(tmp_path / "flags.yaml")])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) < 4


def test_a_learning_rate_is_looked_for_where_there_are_batches_enough(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_main(f"{SMALL_LINES} --auto_lr_find --max_epochs 1", tmp_path)
    assert (
        "--auto_lr_find needs 100 batches, but an epoch has 4: the learning rate stays 0.003" in capsys.readouterr().out
    )


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "16-mixed", "64-true"])
@pytest.mark.parametrize(
    "model", ["LineCNN", pytest.param("LineReader --loss ctc --context_dim 16", marks=pytest.mark.slow)]
)
def test_every_precision_trains(precision: str, model: str, tmp_path: Path) -> None:
    flags = SMALL_LINES.replace("--fc_dim 16", "").replace("LineCNN", model)
    code, metrics, _ = run_main(f"{flags} --precision {precision} --max_epochs 1", tmp_path)
    assert code == 0
    assert 0 < metrics["train_loss"] < 100
    assert 0 <= metrics["test_acc"] <= 1


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ("--model_class LineCN", 2, "Did you mean LineCNN?"),
        ("--data_class EMINST", 2, "Did you mean EMNIST?"),
        ("--max_epoch 3", 2, "Did you mean --max_epochs?"),
        ("--lr quick", 2, "lr"),
        ("--lr -1", 2, "--lr is -1"),
        ("--batch_size 0", 2, "--batch_size is 0"),
        ("--seed -1", 2, "--seed is -1"),
        ("--seed 4294967296", 2, "--seed is 4294967296"),
        ("--max_time 5", 2, "DD:HH:MM:SS"),
        ("--max_epochs -5", 2, "max_epochs"),
        ("--limit_train_batches 2.5", 2, "limit_train_batches"),
        ("--val_check_interval 0", 2, "--val_check_interval is 0"),
        (f"{SMALL_LINES} --val_check_interval 1000", 2, "--val_check_interval is 1000, but an epoch has"),
        ("--accumulate_grad_batches 0", 2, "--accumulate_grad_batches is 0"),
        ("--check_val_every_n_epoch 0", 2, "--check_val_every_n_epoch is 0"),
        ("--gradient_clip_algorithm size", 2, "gradient_clip_algorithm"),
        ("--strategy many", 2, "strategy='many'"),
        ("--num_nodes 0", 2, "num_nodes"),
        ("--precision 16-true", 2, "Use 16-mixed"),
        ("--precision 12", 2, "--precision is '12', but must be 64, 32, 16, transformer-engine"),
        ("--gpus many", 2, "--gpus is 'many'"),
        ("--overfit_batches -1", 2, "overfit_batches"),
        (f"{SMALL_LINES} --overfit_batches 0.1", 2, "--overfit_batches is 0.1, but an epoch has 4 batches"),
        (f"{SMALL_LINES} --limit_train_batches 0.1", 2, "--limit_train_batches is 0.1, but an epoch has 4 batches"),
        ("--gpus 0 --accelerator cpu", 2, "Leave out it or them"),
        ("--checkpoint_minutes 0", 2, "--checkpoint_minutes is 0"),
        ("--accelerator abacus", 2, "abacus"),
        ("--accelerator cpu --devices many", 2, "`devices` selected with `CPUAccelerator` should be an int > 0"),
        ("--accelerator cpu --devices 0", 2, "devices"),
        ("--model-class LineCN", 2, "Did you mean LineCNN?"),
        ("--devicse 1", 2, "Did you mean --devices?"),
        (f"{SMALL_LINES} --layout mixed", 2, "differ in width"),
        ("--model_class LineCNN --data_class MNIST", 2, "single characters"),
        ("--data_class EMNISTLines --model_class LineCNN --max_overlap 1.5", 2, "max_overlap"),
        ("--data_class EMNISTLines --model_class LineCNN --max_length 0", 2, "--max_length is 0"),
        ("--data_class EMNISTLines --model_class LineCNN --num_train -5", 2, "--num_train is -5"),
        (f"{PAPER_LINES} --num_train 0", 2, "--num_train is 0, but must be at least 1"),
        (f"{PAPER_LINES} --max_length 0", 2, "--max_length is 0, but must be at least 1"),
        (
            f"{PAPER_LINES} --shares.pen_words 0 --shares.pen_characters 0 --shares.fonts 0 --shares.glyphs 0",
            2,
            "weights are 0 or more and one is above 0",
        ),
        (f"{PAPER_LINES} --shares.glyphs -1", 2, "weights are 0 or more and one is above 0"),
        ("--data_class ScriptLines --model_class LineReader --sheet a.npz --num_val 0", 2, "--num_val is 0"),
        ("--load_checkpoint nowhere.ckpt", 1, "no checkpoint nowhere.ckpt"),
        (f"{SMALL_LINES} --load_weights nowhere.safetensors", 1, "no weights nowhere.safetensors"),
        (f"{SMALL_LINES} --load_checkpoint a.ckpt --resume auto", 2, "Leave out it or --load_checkpoint"),
        ("--config nowhere.yaml", 2, "nowhere.yaml"),
    ],
)
def test_mistakes_are_named_without_a_traceback(
    flags: str, code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        result = main([*flags.split(), "--log_dir", str(tmp_path / "logs")])
    except SystemExit as end:
        result = int(end.code or 0)
    error = capsys.readouterr().err
    assert result == code, error
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "logs").exists()


def test_gpus_means_what_it_meant_in_the_lab(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert placement(Experiment(gpus="0")) == {"accelerator": "cpu", "devices": 1}
    assert capsys.readouterr().out == ""
    for experiment in (Experiment(gpus="2"), Experiment(accelerator="gpu", devices="1")):
        assert placement(experiment) == {"accelerator": "cpu", "devices": 1}
        assert capsys.readouterr().out.count("\n") == 1
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [placement(Experiment(gpus=gpus))["devices"] for gpus in ("2", "-1", "0,", "1,3")] == [2, -1, [0], [1, 3]]


def test_lightnings_names_of_devices_and_what_torchrun_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert placement(Experiment()) == {"accelerator": "auto", "devices": "auto"}
    assert placement(Experiment(accelerator="cpu", devices="2")) == {"accelerator": "cpu", "devices": "2"}
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("WORLD_SIZE", "6")
    assert placement(Experiment(gpus="0")) == {"accelerator": "cpu", "devices": 2, "num_nodes": 3}


@pytest.mark.parametrize(
    ("restarts", "shared", "rank", "lines"), [(3, True, 0, 1), (3, True, 1, 0), (3, False, 0, 0), (0, True, 0, 0)]
)
def test_a_store_that_outlives_restarts_is_named(
    restarts: int,
    shared: bool,
    rank: int,
    lines: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = {"MAX_RESTARTS": restarts, "USE_AGENT_STORE": shared}
    of_torchrun = {f"TORCHELASTIC_{name}": value for name, value in said.items()}
    for name, value in (of_torchrun | {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 1}).items():
        monkeypatch.setenv(name, str(value))
    placement(Experiment(gpus="0"))
    err = capsys.readouterr().err
    assert (err.count("\n"), "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1" in err) == (lines, bool(lines))


@pytest.mark.parametrize(
    ("flags", "value"),
    [
        ("--limit_train_batches=1", 1),
        ("--limit_train_batches=1.0", 1.0),
        ("--limit-val-batches 1", 1),
        ("--limit_test_batches=0.5", 0.5),
        ("--overfit_batches=1", 1),
        ("--overfit_batches=1.0", 1.0),
        ("--val_check_interval=1", 1),
        ("--fast_dev_run", True),
        ("--fast_dev_run=3", 3),
        ("--fast_dev_run --max_epochs=1", True),
    ],
)
def test_a_count_is_no_share(flags: str, value: float) -> None:
    name = flags.split()[0].split("=")[0].lstrip("-").replace("-", "_")
    found = parse(flags.split(), "train").trainer[name]
    assert (type(found), found) == (type(value), value)


def test_one_batch_is_one_batch(tmp_path: Path) -> None:
    flags = f"{SMALL_LINES} --max_epochs 1 --limit_train_batches=1 --limit_val_batches=1 --limit_test_batches=1"
    assert run_main(flags, tmp_path)[1]["steps"] == 1
