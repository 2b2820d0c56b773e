"""What users rely on by name: a change here is a change for them, and belongs in CHANGELOG.md."""

from __future__ import annotations

import pytest
import yaml

import text_recognizer
from text_recognizer import cli, models, registry
from text_recognizer.training.arguments import parse

EXPERIMENT = [
    "model_class",
    "data_class",
    "gpus",
    "accelerator",
    "devices",
    "load_checkpoint",
    "load_weights",
    "init",
    "freeze",
    "resume",
    "ema_decay",
    "log_dir",
    "auto_lr_find",
    "compile",
    "wandb",
    "logger",
    "enable_checkpointing",
    "checkpoint_minutes",
    "stop_early",
    "engine",
    "address",
    "restarts",
]
BATCHES = ["batch_size", "num_workers", "seed"]
LINES = [
    "max_length",
    "min_overlap",
    "max_overlap",
    "num_train",
    "num_val",
    "num_test",
    "with_start_end_tokens",
    "layout",
    "glyphs",
    "text",
    "text_mix",
    "fresh_lines",
    "degraded_share",
    "prepared",
    *BATCHES,
]
PAPER = [
    "glyphs",
    "text",
    "fonts",
    "pen",
    "shares",
    "num_train",
    "num_val",
    "num_test",
    "max_length",
    "field_share",
    *BATCHES,
]
OPTIMIZATION = [
    "loss",
    "optimizer",
    "lr",
    "one_cycle_max_lr",
    "one_cycle_total_steps",
    "weight_decay",
    "label_smoothing",
]
TRAINER = [
    "precision",
    "max_epochs",
    "min_epochs",
    "max_steps",
    "min_steps",
    "max_time",
    "limit_train_batches",
    "limit_val_batches",
    "limit_test_batches",
    "overfit_batches",
    "val_check_interval",
    "check_val_every_n_epoch",
    "num_sanity_val_steps",
    "log_every_n_steps",
    "enable_progress_bar",
    "enable_model_summary",
    "accumulate_grad_batches",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "deterministic",
    "benchmark",
    "fast_dev_run",
    "profiler",
    "detect_anomaly",
    "strategy",
    "num_nodes",
    "sync_batchnorm",
    "reload_dataloaders_every_n_epochs",
]
MODELS = ["CNN", "LineCNN", "LineCNNLSTM", "LineCNNSimple", "LineReader", "LineReshapeCNN", "MLP"]
DATA_FLAGS = {
    "MNIST": BATCHES,
    "PenStrokes": BATCHES,
    "EMNIST": [*BATCHES, "balance"],
    "EMNISTLines": LINES,
    "PaperLines": PAPER,
    "LabelledLines": [
        "path",
        "composed",
        "glyphs",
        "text",
        "shares",
        "fonts",
        "pen",
        "max_length",
        "alphabet",
        *BATCHES,
    ],
    "ScriptLines": ["sheet", "text", "fonts", "latin", "num_train", "num_val", "num_test", "max_length", *BATCHES],
}
WINDOWS = ["conv_dim", "fc_dim", "window_width", "window_stride", "limit_output_length"]
MODEL_FLAGS = {
    "MLP": ["fc1", "fc2"],
    "CNN": ["conv_dim", "fc_dim", "dropout"],
    "LineCNN": WINDOWS,
    "LineCNNSimple": WINDOWS,
    "LineCNNLSTM": [*WINDOWS, "lstm_dim", "lstm_layers"],
    "LineReader": ["conv_dim", "stage_blocks", "context_dim", "context_blocks"],
}


def test_public_names() -> None:
    assert sorted(text_recognizer.__all__) == ["Reading", "TextRecognizer", "load"]
    assert sorted(models.__all__) == MODELS
    assert sorted(registry.MODEL_CLASSES) == MODELS
    assert sorted(registry.DATA_CLASSES) == sorted(DATA_FLAGS)
    assert all(hasattr(text_recognizer, name) for name in text_recognizer.__all__)


def test_data_modules_are_found_where_the_course_has_them() -> None:
    from text_recognizer.data import EMNIST, MNIST, EMNISTLines

    assert [one.__name__ for one in (EMNIST, MNIST, EMNISTLines)] == ["EMNIST", "MNIST", "EMNISTLines"]


def test_commands() -> None:
    hands = [f"hand {verb}" for verb in ("export", "import", "learn", "list", "remove", "script", "sheet", "show")]
    assert sorted(cli.COMMANDS) == sorted(
        ["data", "demo", "evaluate", "export", "finetune", "form", "lines", "read", "serve", "sweep", "train", *hands]
    )


@pytest.mark.parametrize(
    ("model", "data"),
    [
        ("MLP", "MNIST"),
        ("CNN", "EMNIST"),
        ("CNN", "PenStrokes"),
        ("LineCNN", "EMNISTLines"),
        ("LineCNNSimple", "EMNISTLines"),
        ("LineCNNLSTM", "EMNISTLines"),
        ("LineReader", "EMNISTLines"),
        ("LineReader", "PaperLines"),
        ("LineReader", "LabelledLines"),
    ],
)
def test_flags_of_training(model: str, data: str) -> None:
    needed = ["--path=mine"] if data == "LabelledLines" else []
    arguments = parse([f"--model_class={model}", f"--data_class={data}", *needed], "train")
    aligned = ["aligned_share"] if data.endswith("Lines") else []
    flags = [*aligned, *EXPERIMENT, *DATA_FLAGS[data], *MODEL_FLAGS[model], *OPTIMIZATION, *TRAINER]
    assert sorted(yaml.safe_load(arguments.yaml)) == sorted(flags)
