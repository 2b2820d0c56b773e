import codecs
import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from labelled_tools import write_pictures
from PIL import Image

from text_recognizer.errors import UserError
from text_recognizer.labels.find import find_labels
from text_recognizer.labels.lines import Labels
from text_recognizer.labels.parts import deal

TEXTS = {"a.png": "one", "b.png": "two, or 2", "c.png": "three"}


def texts_of(labels: Labels) -> dict[str, str]:
    return {line.name: line.text for line in labels.lines}


def said(labels: Labels) -> str:
    return " ".join(labels.faults)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pictures(tmp_path, TEXTS)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.tsv", "file\ttext\twriter\na.png\tone\tw1\nb.png\ttwo, or 2\tw1\nc.png\tthree\tw2\n"),
        ("labels.tsv", "a.png\tone\nb.png\ttwo, or 2\nc.png\tthree\n"),
        ("labels.csv", 'Image,Transcription\na.png,one\nb.png,"two, or 2"\nc.png,three\n'),
        ("labels.csv", "file;text\r\na.png;one\r\nb.png;two, or 2\r\nc.png;three\r\n"),
        ("labels.jsonl", "".join(json.dumps({"file": name, "text": text}) + "\n" for name, text in TEXTS.items())),
        ("labels.jsonl", "".join(json.dumps({"File": name, "Text": text}) + "\n" for name, text in TEXTS.items())),
        ("metadata.jsonl", "".join(json.dumps({"file_name": n, "text": text}) + "\n" for n, text in TEXTS.items())),
        ("rec_gt.txt", "".join(f"{name}\t{text}\n" for name, text in TEXTS.items())),
        ("rec_gt_train.txt", "".join(f"{name}\t{text}\n" for name, text in TEXTS.items())),
    ],
)
def test_tables_of_all_forms_say_the_same(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content, encoding="utf-8")
    labels = find_labels(folder)
    assert texts_of(labels) == TEXTS
    assert labels.faults == []
    assert texts_of(find_labels(folder / name)) == TEXTS


@pytest.mark.parametrize(
    "rows",
    [
        'file,text\na.png,"one\nb.png,"two, or 2"\nc.png,three\n',
        'file,text\na.png,"one\nb.png,"two, or 2"\nc.png,"three"',
        'file,text\nb.png,"two, or 2"\nc.png,three\na.png,"one',
        'file,text\na.png,"so" he said\nb.png,"two, or 2"\nc.png,three',
    ],
)
def test_a_quotation_mark_that_is_not_closed_costs_its_row_alone(folder: Path, rows: str) -> None:
    (folder / "labels.csv").write_text(rows, encoding="utf-8")
    labels = find_labels(folder)
    assert texts_of(labels) == {"b.png": "two, or 2", "c.png": "three"}
    line = 1 + next(number for number, row in enumerate(rows.split("\n")) if row.startswith("a"))
    assert f"that are no labels (1): line {line} (a quotation mark is not closed, or not doubled)." in said(labels)


def test_cells_of_a_csv_may_have_several_lines(folder: Path) -> None:
    (folder / "labels.csv").write_text('a.png,"one\nmore"\n\nb.png,"two, or 2"\nc.png\n', encoding="utf-8")
    labels = find_labels(folder)
    assert texts_of(labels) == {"b.png": "two, or 2"}
    assert "as the text has several lines, where one is expected (1): a.png." in said(labels)
    assert "no labels (1): line 5." in said(labels)


def test_a_first_row_whose_text_is_the_name_of_a_column_is_no_header(folder: Path) -> None:
    (folder / "labels.tsv").write_text("a.png\tpath\nb.png\ttwo\n", encoding="utf-8")
    assert texts_of(find_labels(folder)) == {"a.png": "path", "b.png": "two"}


def test_cells_with_quotation_marks_are_what_they_were_before_they_were_quoted(folder: Path) -> None:
    rows = [("file", "page", "text"), ("a.png", 1, 'He said "so"'), ("b.png", 1, '"'), ("c.png", 1, "plain")]
    with (folder / "labels.tsv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, "excel-tab").writerows(rows)
    assert texts_of(find_labels(folder)) == {"a.png": 'He said "so"', "b.png": '"', "c.png": "plain"}


def test_quotation_marks_that_are_the_text_stay(folder: Path) -> None:
    texts = {"a.png": '"So," he said', "b.png": '"Yes."', "c.png": '6" by 8"'}
    (folder / "labels.tsv").write_text("".join(f"{name}\t{text}\n" for name, text in texts.items()), encoding="utf-8")
    assert texts_of(find_labels(folder)) == texts


def test_columns_besides_are_groups(folder: Path) -> None:
    (folder / "labels.tsv").write_text("file\ttext\twriter\tsplit\na.png\tone\tAnna\ttest\n", encoding="utf-8")
    [line] = find_labels(folder).lines
    assert (line.groups, line.part) == ({"writer": "Anna"}, "test")


def test_a_split_may_have_blanks_around_it(folder: Path) -> None:
    (folder / "labels.tsv").write_text("file\ttext\tsplit\na.png\tone\tTest \nb.png\ttwo\t \n", encoding="utf-8")
    assert [line.part for line in find_labels(folder).lines] == ["test", None]


def test_an_unknown_split_is_refused(folder: Path) -> None:
    (folder / "labels.tsv").write_text("file\ttext\tsplit\na.png\tone\theld-out\n", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"line 2 of labels\.tsv has the split 'held-out'; expected train, training, val"
    ):
        find_labels(folder)


@pytest.mark.parametrize(("table", "part"), [("Train/metadata.csv", "train"), ("rec_gt_Test.txt", "test")])
def test_parts_are_known_in_any_case(folder: Path, table: str, part: str) -> None:
    (folder / "Train").mkdir()
    write_pictures((folder / table).parent, ["a.png"])
    (folder / table).write_text("a.png,one" if table.endswith("csv") else "a.png\tone", encoding="utf-8")
    assert [(line.text, line.part) for line in find_labels(folder).lines] == [("one", part)]


def test_an_imagefolder_has_parts(tmp_path: Path) -> None:
    for part in ("train", "validation"):
        write_pictures(tmp_path / part, [f"{part}.png"])
        (tmp_path / part / "metadata.jsonl").write_text(
            f'{{"file_name": "{part}.png", "text": "x"}}\n', encoding="utf-8"
        )
    assert {line.name: line.part for line in find_labels(tmp_path).lines} == {
        "train/train.png": "train",
        "validation/validation.png": "val",
    }


@pytest.mark.parametrize("table", ["labels.tsv", "rec_gt.txt"])
def test_the_name_of_the_given_folder_is_no_part(tmp_path: Path, table: str) -> None:
    write_pictures(tmp_path / "test", ["a.png"])
    (tmp_path / "test" / table).write_text("a.png\tone\n", encoding="utf-8")
    for path in (tmp_path / "test", tmp_path / "test" / table):
        assert [line.part for line in find_labels(path).lines] == [None]


def test_texts_beside_pictures(folder: Path) -> None:
    Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10)).save(folder / "d.bin.png")
    for name, text in {"a": "one\n", "b": "two, or 2", "c": "\ufeffthree", "d": "vier", "e": "lost"}.items():
        (folder / f"{name}.gt.txt").write_text(text, encoding="utf-8")
    labels = find_labels(folder)
    assert texts_of(labels) == TEXTS | {"d.bin.png": "vier"}
    assert said(labels) == "Left out, texts without a picture beside them (1): e.gt.txt."


def test_what_is_wrong_is_said_and_the_rest_is_kept(folder: Path) -> None:
    write_pictures(folder, ["unlabelled.png", "other.png"])
    (folder / "copy.png").write_bytes((folder / "a.png").read_bytes())
    rows = [
        "file\ttext",
        "a.png\tone",
        "copy.png\tone",
        "a.png\tanother",
        "b.png\t  ",
        "c.png\tfirst\\nsecond",
        "gone.png\tgone",
        "only a name",
        "other.png\tkept",
    ]
    (folder / "labels.tsv").write_text("\n".join(rows), encoding="utf-8")
    labels = find_labels(folder)
    assert texts_of(labels) == {"a.png": "one", "other.png": "kept"}
    for part in (
        "Left out, lines of labels.tsv that are no labels (1): line 8.",
        "Left out, pictures without a label (1): unlabelled.png.",
        "Left out, as the text is empty (1): b.png.",
        "Left out, as the text has several lines, where one is expected (1): c.png.",
        "Left out, labels without a picture (1): gone.png.",
        "Left out, as the same label or picture is there already (1): copy.png.",
        "Left out, as the picture has another text already (1): a.png ('one', not 'another').",
    ):
        assert part in said(labels)


def test_mixed_encodings_are_read_line_by_line(folder: Path) -> None:
    rows = b"a.png\tcaf\xc3\xa9\nb.png\tcaf\xe9\nc.png\tcafe\xcc\x81\n"
    (folder / "labels.tsv").write_bytes(rows)
    labels = find_labels(folder)
    assert set(texts_of(labels).values()) == {"café"}
    assert said(labels) == "Lines of labels.tsv that are not UTF-8, read as Windows-1252 (1): line 2."


@pytest.mark.parametrize("encoding", ["utf-32-le", "utf-32-be"])
def test_utf_32_is_read_by_its_mark(folder: Path, encoding: str) -> None:
    (folder / "labels.tsv").write_bytes("\ufeffa.png\tžluť\n".encode(encoding))
    assert texts_of(find_labels(folder)) == {"a.png": "žluť"}


@pytest.mark.parametrize("content", [b"\0\1", codecs.BOM_UTF16_LE + b"a", None])
def test_a_text_that_cannot_be_read_costs_its_line_alone(folder: Path, content: bytes | None) -> None:
    (folder / "b.gt.txt").write_text("two", encoding="utf-8")
    odd = folder / "a.gt.txt"
    odd.mkdir() if content is None else odd.write_bytes(content)
    labels = find_labels(folder)
    assert texts_of(labels) == {"b.png": "two"}
    assert f"Left out: {odd}: " in said(labels)


def test_what_macos_notes_of_files_is_no_line(folder: Path) -> None:
    for name in TEXTS:
        (folder / f"{name[0]}.gt.txt").write_text(TEXTS[name], encoding="utf-8")
    for name in ("._a.gt.txt", "._a.png"):
        (folder / name).write_bytes(b"\0\5\x16\7")
    labels = find_labels(folder)
    assert (texts_of(labels), labels.faults) == (TEXTS, [])


def test_files_that_cannot_be_there_are_named(folder: Path) -> None:
    names = ["a.png", "x" * 300 + ".png", f"{'y' * 300}/z.png", "nul\0.png"]
    rows = [json.dumps({"file": name, "text": "one"}) for name in names]
    (folder / "labels.jsonl").write_text("\n".join([*rows, r'{"file": "b.png", "text": "\ud800"}']), encoding="utf-8")
    labels = find_labels(folder)
    assert texts_of(labels) == {"a.png": "one"}
    assert f"Left out, labels without a picture (2): {names[1]}, {names[2]}." in labels.faults
    assert "Left out, as it names no picture: line 4 of labels.jsonl." in labels.faults
    assert "Left out, lines of labels.jsonl that are no labels (1): line 5." in labels.faults


def test_a_link_to_itself_is_a_picture_without_a_label(folder: Path) -> None:
    (folder / "labels.tsv").write_text("a.png\tone\nloop.png\ttwo\n", encoding="utf-8")
    for name in ("loop.png", "other.png"):
        (folder / name).symlink_to(folder / name)
    labels = find_labels(folder)
    assert texts_of(labels) == {"a.png": "one"}
    assert "pictures without a label (4): b.png, c.png, loop.png, other.png." in said(labels)
    assert "labels without a picture (1): loop.png." in said(labels)


def test_names_that_are_not_utf_8_can_be_written_and_dealt(folder: Path) -> None:
    for suffix, source in ((".png", "a.png"), (".gt.txt", "a.gt.txt")):
        (folder / "a.gt.txt").write_text("one", encoding="utf-8")
        (folder / source).rename(folder / os.fsdecode(b"caf\xe9" + suffix.encode()))
    labels = find_labels(folder)
    assert texts_of(labels) == {r"caf\xe9.png": "one"}
    assert labels.lines[0].load().shape == (12, 40)
    assert deal(labels.lines, seed=0)[0]["train"] == [0]


def test_utf_16_is_read_by_its_mark_and_refused_without(folder: Path) -> None:
    content = "a.png\tžluť\n".encode("utf-16-le")
    (folder / "labels.tsv").write_bytes(codecs.BOM_UTF16_LE + content)
    assert texts_of(find_labels(folder)) == {"a.png": "žluť"}
    (folder / "labels.tsv").write_bytes(content)
    with pytest.raises(UserError, match="UTF-16 without its mark"):
        find_labels(folder)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no labels found. Expected labels.tsv"),
        ({"labels.tsv": ""}, "no labelled line is of use"),
        ({"labels.tsv": "file\tauthor\na.png\tAnna\n"}, "has the columns file, author, but none of text"),
        ({"labels.jsonl": "[1]\n{\n"}, r"lines of labels.jsonl that are no labels \(2\)"),
        ({"labels.tsv": "nowhere.png\tone\n"}, "labels without a picture"),
    ],
)
def test_folders_without_use_are_refused(folder: Path, files: dict[str, str], message: str) -> None:
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        find_labels(folder)


def test_another_form_besides_is_said(folder: Path) -> None:
    (folder / "labels.tsv").write_text("a.png\tone\n", encoding="utf-8")
    (folder / "a.gt.txt").write_text("other", encoding="utf-8")
    labels = find_labels(folder)
    assert texts_of(labels) == {"a.png": "one"}
    assert "there are also pictures with .gt.txt, which were left aside" in said(labels)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder of labelled lines"):
        find_labels(tmp_path / "nothing")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that cannot be read")
def test_pictures_that_cannot_be_read_leave_the_others(folder: Path) -> None:
    for name in ("a.png", "b.png"):
        (folder / name).unlink()
        (folder / name).symlink_to("/proc/self/mem")
    (folder / "labels.tsv").write_text("".join(f"{name}\t{text}\n" for name, text in TEXTS.items()), encoding="utf-8")
    a, b, c = find_labels(folder).lines
    assert c.load().shape == (12, 40)
    for line in (a, b):
        with pytest.raises(UserError, match=rf"{line.name}: cannot be read"):
            line.load()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
@pytest.mark.parametrize("name", ["labels.tsv", "b.gt.txt", "page.xml", "rec_gt.txt"])
def test_pipes_are_no_labels(folder: Path, name: str) -> None:
    os.mkfifo(folder / name)
    (folder / "a.gt.txt").write_text("one", encoding="utf-8")
    assert texts_of(find_labels(folder)) == {"a.png": "one"}


def test_blank_lines_after_a_text_are_no_lines(folder: Path) -> None:
    (folder / "a.gt.txt").write_text("\none\n \n\t\n", encoding="utf-8")
    assert texts_of(find_labels(folder)) == {"a.png": "one"}
