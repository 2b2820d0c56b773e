from pathlib import Path

import cv2
import numpy as np
import pytest
from labelled_tools import write_lines
from reading_tools import broken_tiff

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.cli import main
from text_recognizer.data.sets.labelled_lines import LabelledLines, cut_lines, steps_of, varied
from text_recognizer.errors import UsageError, UserError
from text_recognizer.imaging.crop import CROP_HEIGHT
from text_recognizer.labels.find import find_labels
from text_recognizer.labels.parts import deal
from text_recognizer.reading.finder import finder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines(tmp_path_factory.mktemp("mine"), 20, writers=4)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEXT_RECOGNIZER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def ready(path: Path, **settings: object) -> LabelledLines:
    data = LabelledLines(path=str(path), **settings)  # type: ignore[arg-type]
    data.prepare_data()
    data.setup()
    return data


@pytest.mark.usefixtures("cache")
def test_lines_are_cut_out_as_they_are_read(folder: Path) -> None:
    data = ready(folder, composed=0.0)
    labels = find_labels(folder).lines
    batch = data.datasets["val"].batch(np.arange(2))
    for row, number in enumerate(data.numbers["val"][:2]):
        line = finder().line(labels[number].load())
        assert line is not None
        np.testing.assert_array_equal(batch.images[row, :, : batch.widths[row]], line.image)
        assert READER_ALPHABET.decode(batch.targets[row]) == labels[number].text
        assert batch.images[row, :, batch.widths[row] :].max(initial=0) == 0
    assert "dealt by writer, no writer in two parts" in repr(data)
    assert "train 10, val 5, test 5" in repr(data)


def test_what_is_cut_is_kept_until_a_picture_changes(tmp_path: Path, cache: Path) -> None:
    folder = write_lines(tmp_path / "mine", 3)
    before = cut_lines(find_labels(folder).lines)
    [kept] = (cache / "processed").glob("labelled-*[0-9a-f]")
    assert kept.stat().st_mode == folder.stat().st_mode  # others may share the cache
    again = cut_lines(find_labels(folder).lines)
    np.testing.assert_array_equal(before.ends, again.ends)
    picture = folder / "0.png"
    cv2.imwrite(str(picture), cv2.resize(cv2.imread(str(picture)), None, fx=2, fy=1))
    assert cut_lines(find_labels(folder).lines).widths[0] > 1.5 * before.widths[0]


def test_another_finder_cuts_anew(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an update."""
    folder = write_lines(tmp_path / "mine", 3)
    cut_lines(find_labels(folder).lines)
    (tmp_path / "other.onnx").write_bytes(b"another net")
    monkeypatch.setattr("text_recognizer.data.sets.labelled_lines.FINDER", tmp_path / "other.onnx")
    cut_lines(find_labels(folder).lines)
    assert len(list((cache / "processed").glob("labelled-*[0-9a-f]"))) == 2


@pytest.mark.usefixtures("cache")
def test_damaged_lines_are_named(folder: Path, cache: Path) -> None:
    cut_lines(find_labels(folder).lines)
    for name in ("ends.npy", "pixels.bin", "wrong.json"):
        [kept] = (cache / "processed").glob("labelled-*[0-9a-f]")
        content = (kept / name).read_bytes()
        (kept / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(UserError, match=r"The cache .*labelled-.* is damaged .*Delete the folder"):
            cut_lines(find_labels(folder).lines)
        (kept / name).write_bytes(content)


@pytest.mark.usefixtures("cache")
def test_composed_lines_stand_among_those_to_learn_from_alone(folder: Path) -> None:
    data = ready(folder, composed=0.75)
    train = data.datasets["train"]
    data.train_dataloader()
    assert {split: len(one) for split, one in data.datasets.items()} == {"train": 40, "val": 5, "test": 5}
    first, second = (train.batch(np.arange(40) + 40 * epoch) for epoch in (0, 1))
    labels = find_labels(folder).lines
    own = {labels[number].text for number in data.numbers["train"]}
    texts = [[READER_ALPHABET.decode(row) for row in batch.targets] for batch in (first, second)]
    assert own & set(texts[0][:10])
    assert {word for text in texts[0][:10] for word in text.split()} <= {word for text in own for word in text.split()}
    assert texts[0] != texts[1]
    assert texts[0][10:] != texts[1][10:]
    assert (first.images[0, :, :64] != second.images[0, :, :64]).any()
    again = train.batch(np.array([7]))
    np.testing.assert_array_equal(again.images[0], first.images[7, :, : again.images.shape[2]])
    assert np.median(np.abs(train.widths(np.arange(40)) - first.widths)) < 60


@pytest.mark.usefixtures("cache")
def test_samples_are_the_lines_as_they_were_found(folder: Path) -> None:
    data = ready(folder, composed=0.5)
    data.train_dataloader()
    samples, labels = data.samples(12), find_labels(folder).lines
    assert [READER_ALPHABET.decode(row) for row in samples.targets] == [line.text for line in labels[:12]]
    first = finder().line(labels[0].load())
    assert first is not None
    np.testing.assert_array_equal(samples.images[0, :, : samples.widths[0]], first.image)


@pytest.mark.usefixtures("cache")
def test_a_line_that_cannot_be_learned_changes_no_part_of_the_others(tmp_path: Path) -> None:
    folder = write_lines(tmp_path / "mine", 40)
    parts = {split: set(numbers) for split, numbers in ready(folder, composed=0.0).numbers.items()}
    rows = (folder / "labels.tsv").read_text(encoding="utf-8").splitlines()
    rows[6] = rows[6].split("\t")[0] + "\tλ"
    (folder / "labels.tsv").write_text("\n".join(rows), encoding="utf-8")
    fewer = {split: set(numbers) for split, numbers in ready(folder, composed=0.0).numbers.items()}
    assert fewer == {split: numbers - {5} for split, numbers in parts.items()}
    dealt, _ = deal(find_labels(folder).lines, 42)
    assert set(dealt["test"]) - {5} == fewer["test"]


@pytest.mark.usefixtures("cache")
def test_characters_to_be_learned_are_not_crowded_out_by_other_words(tmp_path: Path) -> None:
    folder = write_lines(tmp_path / "mine", 30)
    table = folder / "labels.tsv"
    table.write_text(table.read_text(encoding="utf-8").replace("e", "ě").replace("o", "ω"), encoding="utf-8")
    data = ready(folder, composed=0.0, alphabet="from-data")
    data.train_dataloader()
    train = data.datasets["train"]
    whole = "".join(find_labels(folder).lines[number].text for number in data.numbers["train"])
    drawn = [train.line(index)[1] for index in range(len(train), 31 * len(train))]  # type: ignore[attr-defined]
    for character in "ěω":
        wanted = whole.count(character) / len(whole)
        assert "".join(drawn).count(character) / len("".join(drawn)) > 0.7 * wanted


@pytest.mark.usefixtures("cache")
def test_lines_that_cannot_be_learned_are_named(tmp_path: Path) -> None:
    folder = write_lines(tmp_path / "mine", 12)
    rows = (folder / "labels.tsv").read_text(encoding="utf-8").splitlines()
    rows[1] = rows[1].split("\t")[0] + "\tλ and π"
    rows[2] = rows[2].split("\t")[0] + "\t" + "more than there is " * 6
    rows[3] = rows[3].split("\t")[0] + "\t" + "x" * 200
    (folder / "labels.tsv").write_text("\n".join(rows), encoding="utf-8")
    (folder / "03.png").write_bytes(b"GIF89a and nothing else")
    cv2.imwrite(str(folder / "04.png"), np.full((60, 300), 255, np.uint8))
    data = ready(folder, composed=0.0)
    said = repr(data)
    for part in (
        "Characters that the reader does not know: 'λ' 1, 'π' 1.",
        "Left out: the text has characters that the reader does not know (1): 00.png.",
        "Left out: the text is too long for the writing in the picture (1): 01.png.",
        "Left out: the text is longer than --max_length, 128 (1): 02.png.",
        "Left out: no writing is found in the picture (1): 04.png.",
        "03.png",
    ):
        assert part in said
    assert len(set().union(*data.numbers.values())) == 7


@pytest.mark.usefixtures("cache")
def test_what_a_decoder_prints_is_said_as_ours(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = write_lines(tmp_path / "mine", 2)
    (folder / "0.png").write_bytes(broken_tiff())
    assert list(cut_lines(find_labels(folder).lines).wrong) == ["0.png"]
    [warning] = capfd.readouterr().err.splitlines()
    assert warning.startswith(f"warning: {folder}/0.png: its decoder says: ZIPDecode")


@pytest.mark.usefixtures("cache")
def test_too_little_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"can be used, train 1, val 0, test 0 .*: too few to train and validate"):
        ready(write_lines(tmp_path / "mine", 1))
    with pytest.raises(UsageError, match="--composed is 1"):
        LabelledLines(path="mine", composed=1)
    with pytest.raises(UserError, match="nowhere: no such folder"):
        LabelledLines(path="nowhere").prepare_data()


def test_a_text_takes_a_step_between_two_that_are_the_same() -> None:
    assert (steps_of("letter"), steps_of("aaa"), steps_of("")) == (7, 5, 0)


def test_variations_keep_the_height_and_differ() -> None:
    rng = np.random.default_rng(0)
    crop = np.zeros((CROP_HEIGHT, 200), np.uint8)
    crop[15:25, 20:180] = np.arange(160) % 8 < 4
    crop *= 255
    found = [varied(crop, rng) for _ in range(20)]
    assert {one.shape[0] for one in found} == {CROP_HEIGHT}
    assert len({one.tobytes() for one in found}) == 20
    inked = [float((one > 127).mean()) / float((crop > 127).mean()) for one in found]
    assert 0.5 < min(inked) < max(inked) < 1.7


@pytest.mark.usefixtures("cache")
def test_what_was_found_is_shown(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "mine.png"
    assert main(["data", "LabelledLines", f"--path={folder}", "--composed=0", f"--picture={picture}"]) == 0
    assert "20 labelled lines in" in capsys.readouterr().out
    assert picture.stat().st_size > 5_000
    line = folder / "00.png"
    before = line.read_bytes()
    assert main(["data", "LabelledLines", f"--path={folder}", "--composed=0", f"--picture={line}"]) == 2
    assert "which is to be read, and would be lost" in capsys.readouterr().err
    assert line.read_bytes() == before


@pytest.mark.usefixtures("cache")
def test_where_few_lines_would_choose_those_that_train_choose_too(tmp_path: Path) -> None:
    folder = write_lines(tmp_path / "few", 20)
    few = ready(folder, composed=0.0)
    assert "those that train also choose" in few.how
    assert few.numbers["train"] == few.numbers["val"]
    assert len(few.numbers["train"]) == 18
    assert not set(few.numbers["train"]) & set(few.numbers["test"])
    same, varied = (few.datasets[split].batch(np.arange(1)).images for split in ("val", "train"))
    assert same.shape != varied.shape or (same != varied).any()
    table = folder / "labels.tsv"
    rows = table.read_text(encoding="utf-8").splitlines()
    stated = [f"{row}\t{'val' if number < 2 else 'train'}" for number, row in enumerate(rows[1:])]
    table.write_text("\n".join([f"{rows[0]}\tsplit", *stated]), encoding="utf-8")
    assert ready(folder, composed=0.0).numbers["val"] == [0, 1]
