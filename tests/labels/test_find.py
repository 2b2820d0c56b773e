import codecs
import csv
import json
from pathlib import Path

import numpy as np
import pytest
from labelled_tools import write_pictures
from PIL import Image

from text_recognizer.errors import UserError
from text_recognizer.labels.find import find_labels
from text_recognizer.labels.lines import Labels

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
