"""A reader learns labelled lines: where it starts, what it keeps, and the file that comes out."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from documents import ROOT
from labelled_tools import write_lines

from text_recognizer.alphabet import READER_ALPHABET, Alphabet
from text_recognizer.cli import main
from text_recognizer.commands.finetune import arguments_of_lines
from text_recognizer.data.sets.labelled_lines import LabelledLines
from text_recognizer.errors import UsageError, UserError
from text_recognizer.reading.model_file import DEFAULT_MODEL, LineModel
from text_recognizer.training.arguments import parse
from text_recognizer.training.experiment import build
from text_recognizer.training.finetune import Choice, choose, finetune
from text_recognizer.training.weights import best_average, load_reader, widened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines(tmp_path_factory.mktemp("mine"), 15, writers=3)


@pytest.fixture
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXT_RECOGNIZER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("text_recognizer.training.finetune._CHOOSING_LINES", 12)


def test_what_ships_can_be_trained_on() -> None:
    description, weights = load_reader("reader")
    model = description.build().eval()
    model.load_state_dict(weights)
    lines = np.random.default_rng(0).integers(0, 256, (2, 40, 128), np.uint8)
    with torch.inference_mode():
        found = model(torch.from_numpy(lines).unsqueeze(1).float() / 255).softmax(1).transpose(1, 2).numpy()
    expected = np.exp(np.stack(LineModel().log_probabilities(list(lines))))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_weights_from_a_model_file_are_as_large_as_a_training_leaves_them() -> None:
    description, weights = load_reader("reader")
    layers = description.build().named_modules()
    norms = {name for name, layer in layers if isinstance(layer, torch.nn.BatchNorm2d)}
    before_norms = [f"{name[: -len('.1')]}.0.weight" for name in norms if name.endswith(".1")]
    sizes = [float(weights[name].square().mean().sqrt()) for name in before_norms]
    assert len(sizes) > 15
    assert min(sizes) > 0.1
    assert max(sizes) < 0.14


def test_the_model_of_a_reader_comes_with_it() -> None:
    arguments = parse(["--data_class=LabelledLines", "--path=mine", "--init=reader"], "train")
    data, recognition, description = build(arguments)
    assert description.model_class == "LineReader"
    assert description.model_args["conv_dim"] == load_reader("reader")[0].model_args["conv_dim"]
    assert recognition.loss == "ctc"
    assert not data.has_boxes
    norms = [layer for layer in recognition.train().modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert not any(layer.training for layer in norms)
    assert recognition.model.training


def test_the_documents_give_the_same_training_in_full() -> None:
    page = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")
    [flags] = re.findall(r"^    text-recognizer train (.*)$", page, re.MULTILINE)
    in_full, short = parse(flags.split(), "train"), arguments_of_lines("finetune", "mine", {}, "training/logs")
    assert in_full.trainer | {"precision": short.trainer["precision"]} == short.trainer  # as the machine has it
    for group in ("experiment", "data", "model", "recognition"):
        assert getattr(in_full, group) == getattr(short, group)


def test_features_stay_where_they_are_frozen() -> None:
    arguments = parse(["--data_class=LabelledLines", "--path=mine", "--init=reader", "--freeze=features"], "train")
    model = build(arguments)[1].model
    learning = {name.split(".")[0] for name, weight in model.named_parameters() if weight.requires_grad}
    assert learning == {"steps", "context", "classifier"}


@pytest.mark.parametrize(
    ("flags", "error", "message"),
    [
        ("--init=nowhere.onnx", UserError, "nowhere.onnx: not a model file that can be trained on"),
        ("--init=reader --load_weights=x.safetensors", UsageError, "Leave out one of them"),
        ("--init=reader --loss=aligned_ctc", UsageError, "does not know where its characters stand"),
        ("--init=reader --context_dim=64", UserError, "has weights of other sizes"),
        ("--model_class=LineReader --freeze=features --conv_dim=8", None, ""),
    ],
)
def test_wrong_starts(flags: str, error: type[Exception] | None, message: str) -> None:
    def start() -> None:
        arguments = parse(["--data_class=LabelledLines", "--path=mine", *flags.split()], "train")
        build(arguments)

    if error is None:
        start()
    else:
        with pytest.raises(error, match=message):
            start()


@pytest.mark.usefixtures("_cache")
def test_one_file_comes_out_that_reads_and_says_what_it_learned(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.onnx"
    flags = "--epochs=1 --num_workers=0 --lr=1e-4 --composed=0.3 --batch_size=4"
    assert main(["finetune", str(folder), f"--out={out}", *flags.split()]) == 0
    printed = capsys.readouterr().out
    assert "5 lines to learn from, 5 to choose by, 5 to test on: dealt by writer" in printed
    assert "Error rate on your test lines" in printed
    model = LineModel(out)
    assert model.metadata == LineModel().metadata
    assert model.about["data"]["form"] == "a table of labels"
    assert model.about["data"]["train"] == 5
    assert set(model.about["test"]) == {"before", "after", "difference"}
    assert LineModel().about == {}
    assert main(["read", str(folder / "00.png"), f"--model={out}"]) == 0
    assert main(["evaluate", str(folder), f"--model={out}", f"--model={DEFAULT_MODEL}"]) == 0
    description, weights = load_reader(str(out))
    assert weights.keys() == load_reader("reader")[1].keys()
    assert description.model_class == "LineReader"


@pytest.fixture
def czech(folder: Path, tmp_path: Path) -> Path:
    """Lines of which one has a letter, and one a sign, that the reader does not know."""
    shutil.copytree(folder, tmp_path / "czech")
    table = tmp_path / "czech" / "labels.tsv"
    rows = table.read_text(encoding="utf-8").splitlines()
    for number, character in ((1, "č"), (2, "→")):
        file, text, writer = rows[number].split("\t")
        rows[number] = f"{file}\t{character}{text[1:]}\t{writer}"
    table.write_text("\n".join(rows), encoding="utf-8")
    return tmp_path / "czech"


def test_a_wider_reader_reads_as_before_and_nearly_what_is_new() -> None:
    description, weights = load_reader("reader")
    wide, widened_weights = widened(description, weights, Alphabet((*description.alphabet, "č", "→")))
    models = [one.build().eval() for one in (description, wide)]
    for model, state in zip(models, (weights, widened_weights), strict=True):
        model.load_state_dict(state)
    lines = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 1, 40, 128), np.uint8)).float() / 255
    with torch.inference_mode():
        before, after = (model(lines) for model in models)
    known = len(description.alphabet)
    assert after.shape[1] == known + 2
    torch.testing.assert_close(after[:, :known], before)
    torch.testing.assert_close(after[:, known], before[:, description.alphabet.index("c")] - 4)


@pytest.mark.usefixtures("_cache")
def test_characters_that_the_reader_lacks_are_named_and_learned(
    czech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "czech.onnx"
    flags = "--alphabet=from-data --epochs=1 --num_workers=0 --composed=0.3 --batch_size=4"
    assert main(["finetune", str(czech), f"--out={out}", *flags.split()]) == 0
    printed = capsys.readouterr().out
    assert "Characters that the reader did not know and learns: 'č' 1, '→' 1." in printed
    assert printed.index("did not know and learns") < printed.index("Of what was learned")
    assert LineModel(out).metadata.alphabet == (*READER_ALPHABET, "č", "→")
    assert main(["read", str(czech / "00.png"), f"--model={out}"]) == 0
    assert main(["evaluate", str(czech), f"--model={out}"]) == 0
    again = parse(["--data_class=LabelledLines", f"--path={czech}", f"--init={out}"], "train")
    data, _, description = build(again)
    assert description.alphabet == data.alphabet == Alphabet(LineModel(out).metadata.alphabet)


@pytest.mark.usefixtures("_cache")
def test_characters_that_the_reader_lacks_are_left_out_unless_it_is_to_learn_them(czech: Path) -> None:
    for flag, numbers in (("reader", 13), ("from-data", 15)):
        data = LabelledLines(path=str(czech), alphabet=flag, composed=0.0)  # type: ignore[arg-type]
        data.setup()
        assert sum(map(len, data.numbers.values())) == numbers


def test_of_averages_the_best_that_forgets_nothing_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = iter([[0.2, 0.15, 0.1, 0.09, 0.08, 0.05, 0.04], [0.05, 0.049, 0.0525, 0.053, 0.0599, 0.0601, 0.2]])
    monkeypatch.setattr("text_recognizer.training.finetune._error_rates", lambda *_: next(rates))
    description, weights = load_reader("reader")

    class Data:
        composed = 0.5
        datasets = {"val": [0]}  # noqa: RUF012
        others = type("Others", (), {"datasets": {"val": [0]}})

    choices = choose(description, weights, weights, Data())  # type: ignore[arg-type]
    assert choices[0] == Choice(0.8, 0.08, 0.0599)
    assert [one.share for one in choices[1:]] == [0.0, 0.25, 0.5, 0.7, 0.9, 1.0]


def test_of_equal_averages_that_of_the_largest_share_is_taken() -> None:
    assert best_average([0.2, 0.1, 0.1, 0.05], [0.05, 0.05, 0.052, 0.06], 0.003) == 2
    assert best_average([0.2, 0.3, 0.1], [0.05, 0.05, 0.06], 0.0) == 0
    assert best_average([0.2, 0.2, 0.2], [0.05, 0.05, 0.05], 0.01) == 0


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--out=mine.txt", "--out is 'mine.txt', but must end in .onnx"),
        ("--init=mine.safetensors", "--init is 'mine.safetensors'"),
        ("--minutes=0", "--minutes is 0"),
        ("--minutes=1e15", "at most 525,600, a year"),
        ("--epochs=0", "--epochs is 0"),
    ],
)
def test_wrong_flags(folder: Path, flag: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["finetune", str(folder), flag]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("_cache")
def test_all_flags_of_training_are_there_for_labelled_lines(folder: Path, tmp_path: Path) -> None:
    flags = "--init=reader --max_epochs=1 --limit_train_batches=1 --limit_val_batches=1 --limit_test_batches=1"
    place = f"--path={folder} --log_dir={tmp_path} --batch_size=4 --enable_progress_bar=false"
    assert main(["train", "--data_class=LabelledLines", *flags.split(), *place.split()]) == 0
    [figures] = tmp_path.glob("*-LineReader-LabelledLines/metrics.json")
    assert 0 <= json.loads(figures.read_text(encoding="utf-8"))["test_cer"] < 1


def test_an_output_that_cannot_be_written_is_said_before_the_training(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["finetune", str(folder), f"--out={tmp_path}/file/mine.onnx"]) == 1
    assert "Cannot write" in capsys.readouterr().err


def test_too_little_time_to_learn_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_folder = tmp_path / "logs" / "run"
    run_folder.mkdir(parents=True)
    monkeypatch.setattr("text_recognizer.training.finetune.run", lambda arguments: ({}, 0))
    flags = ["--data_class=LabelledLines", f"--path={folder}", "--init=reader", f"--log_dir={run_folder.parent}"]
    with pytest.raises(UserError, match="Give more --minutes"):
        finetune(parse(flags, "finetune"), tmp_path / "mine.onnx")
    assert not (tmp_path / "mine.onnx").exists()


@pytest.mark.parametrize("code", [130, 143])
def test_an_interrupted_training_ends_with_the_code_of_its_signal(
    code: int, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("text_recognizer.training.finetune.run", lambda arguments: ({}, code))
    assert main(["finetune", str(folder), f"--out={tmp_path / 'mine.onnx'}"]) == code
    assert "Interrupted: nothing was written." in capsys.readouterr().err
