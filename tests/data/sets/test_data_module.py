"""One test over every data module: what the flags can name must prepare, load, describe itself and give batches."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from labelled_tools import write_lines

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.glyphs.sheet import SheetGlyphs
from text_recognizer.data.sets.data_module import CharacterDataset, DataModule
from text_recognizer.data.sets.loaders import NO_EXAMPLE, Examples, Order, build_loader
from text_recognizer.models import CNN
from text_recognizer.registry import DATA_CLASSES, load_class


def build(name: str, folder: Path) -> DataModule:
    """A small one. Decoding UNIPEN takes a minute: the slow tests of documented commands take PaperLines as it is."""
    needed: dict[str, Any] = {
        "PaperLines": {"glyphs": "strokes", "fonts": "builtin", "pen": "builtin"},
        "EMNISTLines": {"num_train": 300, "num_val": 20, "num_test": 20},
        "LabelledLines": {"path": str(folder), "composed": 0.0},
        "ScriptLines": {"sheet": str(folder / "sheet.npz")},
    }
    return load_class(DATA_CLASSES, name, "--data_class")(batch_size=32, **needed.get(name, {}))


@pytest.mark.parametrize("name", DATA_CLASSES)
def test_a_data_module_describes_itself_and_gives_whole_batches(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if name == "LabelledLines":
        write_lines(tmp_path, 20, writers=4)
    elif name == "ScriptLines":
        strokes = np.random.default_rng(0).integers(0, 256, (6, 90, 60), np.uint8)
        SheetGlyphs(strokes, np.repeat(["ж", "д"], 3), 60.0, 25.0).save(tmp_path / "sheet.npz")
    elif name not in ("PenStrokes", "PaperLines"):
        request.getfixturevalue("mirror")
    data = build(name, tmp_path)
    assert "not known before" in str(data)
    data.prepare_data()
    data.setup()
    assert f"{len(data.datasets['train']):,}" in str(data)
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        x, y = next(iter(loader))
        assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
        assert x.shape[1:3] == data.input_shape[:2]
        assert x.shape[3] <= data.input_shape[2]
        assert 0 <= x.min() < x.max() <= 1
        assert y.shape == (len(x), *data.target_shape)
        assert int(y.max()) < len(data.alphabet)


def dataset(count: int) -> CharacterDataset:
    return CharacterDataset(np.zeros((count, 28, 28), np.uint8), np.arange(count))


def batches(order: Order) -> list[list[int]]:
    """The examples of an order, a batch at a time."""
    return [batch.targets.tolist() for batch in build_loader(order.dataset, order, 0)]


def test_examples_come_one_by_one_and_together() -> None:
    images = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)
    examples = Examples(CharacterDataset(images, np.array([7, 8, 9])))
    x, y = examples[-1]
    assert (x.shape, y.shape, y.item()) == ((1, 28, 28), (), 9)
    assert torch.equal(x[0], torch.from_numpy(images[2]).float() / 255)
    together = examples.__getitems__([2, NO_EXAMPLE, 0])
    assert torch.equal(together.images[0], x)
    assert together.targets.tolist() == [9, 7]
    assert examples.__getitems__([NO_EXAMPLE]).images.shape == (0, 1, 28, 28)
    with pytest.raises(IndexError, match="no example 3"):
        examples[3]


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    def drawn(seed: int, epoch: int) -> list[int]:
        order = Order(dataset(100), 10, shuffle=True, seed=seed)
        order.set_epoch(epoch)
        return list(order)

    assert drawn(1, 0) == drawn(1, 0)
    assert sorted(drawn(1, 0)) == list(range(100))
    assert len({tuple(drawn(*key)) for key in ((1, 0), (1, 1), (2, 0))}) == 3


def test_an_incomplete_batch_is_left_out_of_training_only() -> None:
    assert [len(batch) for batch in batches(Order(dataset(25), 10, shuffle=True, seed=0))] == [10, 10]
    assert [len(batch) for batch in batches(Order(dataset(25), 10, shuffle=False, seed=0))] == [10, 10, 5]
    assert [len(batch) for batch in batches(Order(dataset(5), 10, shuffle=True, seed=0))] == [5]


@pytest.mark.parametrize("world_size", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("count", [1, 7, 100, 129])
def test_processes_evaluate_each_example_once_in_equally_many_batches(count: int, world_size: int) -> None:
    orders = [
        Order(dataset(count), 10, shuffle=False, seed=0, rank=rank, world_size=world_size) for rank in range(world_size)
    ]
    found = [batches(order) for order in orders]
    assert len({len(part) for part in found}) == 1
    assert all(len(order) == len(list(order)) for order in orders)
    assert sorted(one for part in found for batch in part for one in batch) == list(range(count))


@pytest.mark.parametrize("world_size", [2, 4])
def test_processes_train_on_the_steps_of_one_with_a_larger_batch(world_size: int) -> None:
    whole = batches(Order(dataset(100), 4 * world_size, shuffle=True, seed=0))
    parts = [
        batches(Order(dataset(100), 4, shuffle=True, seed=0, rank=rank, world_size=world_size))
        for rank in range(world_size)
    ]
    together = [sorted(sum(step, [])) for step in zip(*parts, strict=True)]  # noqa: RUF017
    assert together == [sorted(step) for step in whole]


def test_an_order_goes_on_within_an_epoch() -> None:
    whole = Order(dataset(50), 10, shuffle=True, seed=0)
    whole.set_epoch(3)
    order = Order(dataset(50), 10, shuffle=True, seed=0)
    order.go_on(epoch=3, batches=2)
    order.set_epoch(3)  # as Lightning does
    assert len(order) == 50
    assert list(order) == list(whole)[20:]
    assert list(order) == list(whole)
    order.go_on(epoch=3, batches=2)
    order.set_epoch(4)
    whole.set_epoch(4)
    assert list(order) == list(whole)


def small(**settings: Any) -> DataModule:
    data = DataModule(batch_size=10, **settings)
    data.datasets = {"train": dataset(80), "val": dataset(50), "test": dataset(50)}
    return data


def test_the_labs_names() -> None:
    data = small()
    data.alphabet, data.input_shape = ALPHABET, (1, 28, 28)
    assert data.mapping[data.inverse_mapping["a"]] == "a"
    assert [len(split) for split in (data.data_train, data.data_val, data.data_test)] == [80, 50, 50]
    assert data.data_val[7][1] == 7
    assert CNN(**data.config())(data.data_train[0][0][None]).shape == (1, 83)


class Seen(L.LightningModule):
    """Notes the targets of each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.batches: dict[str, list[list[int]]] = {"train": [], "val": [], "predict": []}

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        self.batches["train"].append(batch.targets.tolist())
        return self.weight * batch.images.sum()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.batches["val"].append(batch.targets.tolist())

    def predict_step(self, batch: Any, batch_idx: int) -> None:
        self.batches["predict"].append(batch.targets.tolist())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def trainer(**settings: Any) -> L.Trainer:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    quiet |= {"enable_model_summary": False, "accelerator": "cpu", "num_sanity_val_steps": 0}
    return L.Trainer(**{"max_epochs": 2, **quiet, **settings})


@pytest.mark.parametrize(("overfit", "count"), [(2, 2), (0.25, 2), (1.0, 8)])
@pytest.mark.filterwarnings("ignore")
def test_overfitting_trains_and_validates_on_the_same_fixed_batches(overfit: float, count: int) -> None:
    seen = Seen()
    trainer(overfit_batches=overfit).fit(seen, datamodule=small())
    first = [list(range(10 * i, 10 * i + 10)) for i in range(count)]
    assert seen.batches["train"] == 2 * first
    assert seen.batches["val"][:2] == first[:2]
    assert sum(seen.batches["val"], []) == sum(seen.batches["train"], [])  # noqa: RUF017


@pytest.mark.filterwarnings("ignore")
def test_lightnings_own_modes_take_the_loaders_of_a_data_module() -> None:
    data, seen = small(), Seen()
    trainer(overfit_batches=2).fit(seen, data.train_dataloader())
    assert seen.batches["train"] == 2 * [list(range(10)), list(range(10, 20))]
    seen = Seen()
    trainer(fast_dev_run=True).fit(seen, datamodule=data)
    trainer().predict(seen, datamodule=data)
    assert [len(part) for part in seen.batches.values()] == [1, 1, 5]
    assert sorted(sum(seen.batches["predict"], [])) == list(range(50))  # noqa: RUF017


def test_no_more_workers_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("text_recognizer.data.sets.loaders.usable_cores", lambda: 2)
    assert small(num_workers=4).train_dataloader().num_workers == 2


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_workers_end_when_the_process_that_started_them_is_killed() -> None:
    program = (
        "import time, torch.multiprocessing\n"
        "from test_data_module import dataset\n"
        "from text_recognizer.data.sets.loaders import Order, build_loader\n"
        "examples = dataset(100000)\n"
        "batches = iter(build_loader(examples, Order(examples, 10, shuffle=True, seed=0), 2))\n"
        "next(batches)\n"
        "print(*(worker.pid for worker in torch.multiprocessing.active_children()), flush=True)\n"
        "time.sleep(60)\n"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, os.path.dirname(__file__)])}  # noqa: PTH120
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    workers = [int(number) for number in process.stdout.readline().split()]
    assert workers
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 20
    while any(_runs(worker) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat") as stat:  # noqa: PTH123
        return stat.read().rpartition(")")[2].split()[0] != "Z"
