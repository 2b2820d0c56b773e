import io
import runpy
import sys
import tarfile
from pathlib import Path

import pytest
import torch

from text_recognizer.alphabet import ALPHABET
from text_recognizer.models import LineCNN
from text_recognizer.training.checkpoint import Checkpoint, Description
from text_recognizer.training.weights import save_weights

SCRIPTS = Path(__file__).parents[1] / "scripts"
ARGS = {"input_shape": (1, 28, 56), "num_classes": len(ALPHABET), "conv_dim": 4, "fc_dim": 8}


def run(script: str, *arguments: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    runpy.run_path(str(SCRIPTS / script), run_name="__main__")


def save_checkpoint(folder: Path, seed: int) -> Checkpoint:
    torch.manual_seed(seed)
    weights = {f"model.{name}": value for name, value in LineCNN(**ARGS).state_dict().items()}
    checkpoint = {"state_dict": weights, "epoch": 0}
    Description("LineCNN", ARGS, ALPHABET).write(checkpoint)
    folder.mkdir()
    torch.save(checkpoint, folder / "best.ckpt")
    return Checkpoint.load(str(folder / "best.ckpt"))


def test_weights_are_averaged_by_the_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_weights = save_checkpoint(tmp_path / "run", 0).weights
    before = save_checkpoint(tmp_path / "before", 1)
    save_weights(tmp_path / "before.safetensors", before)
    arguments = (tmp_path / "run", tmp_path / "before.safetensors", 0.75, tmp_path / "averaged")
    run("average_weights.py", *arguments, monkeypatch=monkeypatch)
    for name, value in Checkpoint.load(str(tmp_path / "averaged" / "best.ckpt")).weights.items():
        if value.is_floating_point():
            wanted = 0.75 * run_weights[name] + 0.25 * before.weights[name]
            torch.testing.assert_close(value, wanted, atol=1e-3, rtol=1e-3)


def test_names_of_the_census_become_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tarfile.open(tmp_path / "names.tar.gz", "w:gz") as archive:
        for name, content in (("dist.all.last", b"SMITH 1.0 1 1\nOLSEN 0.1 1 2\n"), ("readme", b"NOTHING 1 1 1\n")):
            member = tarfile.TarInfo(f"names-0.3.0/names/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    run("census_names.py", tmp_path / "names.tar.gz", tmp_path / "names.txt", monkeypatch=monkeypatch)
    assert sorted((tmp_path / "names.txt").read_text().split()) == ["Olsen", "Smith"]
