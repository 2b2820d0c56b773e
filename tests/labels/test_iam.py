from pathlib import Path

import pytest
from labelled_tools import write_pictures

from text_recognizer.labels.find import find_labels
from text_recognizer.labels.parts import deal

LINES = """#--- lines.txt ---#
a01-000u-00 ok 154 19 408 746 1661 89 A|MOVE|to|stop|(|Mr.|Gaitskell|)|,|he|said|.
a01-000u-01 err 156 19 395 932 1850 105 from|nominating
b02-001-00 ok 156 19 395 932 1850 105 any|more
c03-000a-00 ok 156 19 395 932 1850 105 never|photographed
short
"""
FORMS = "#---\na01-000u 000 2 prt 7 5 52 36\nb02-001 017 2 prt 7 5 52 36\nc03-000a 018 1 prt 1 1 1 1\n"
XML = """<?xml version="1.0" encoding="ISO-8859-1"?>
<form id="a01-000u" writer-id="000"><handwritten-part>
 <line id="a01-000u-00" segmentation="ok" text="A MOVE to stop &quot;Mr.&quot; Gaitskell"/></handwritten-part></form>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "lines" / "a01" / "a01-000u", ["a01-000u-00.png", "a01-000u-01.png"])
    write_pictures(tmp_path / "lines" / "b02" / "b02-001", ["b02-001-00.png"])
    return tmp_path


def test_texts_of_ascii_are_joined_and_have_writers(folder: Path) -> None:
    (folder / "ascii").mkdir()
    (folder / "ascii" / "lines.txt").write_text(LINES, encoding="utf-8")
    (folder / "ascii" / "forms.txt").write_text(FORMS, encoding="utf-8")
    labels = find_labels(folder)
    assert labels.form == "IAM"
    first = labels.lines[0]
    assert first.text == "A MOVE to stop (Mr. Gaitskell), he said."
    assert first.groups == {"form": "a01-000u", "writer": "000", "segmentation": "ok"}
    assert len(labels.lines) == 3
    said = " ".join(labels.faults)
    assert "Left out, lines without a picture in lines/ (1): c03-000a-00." in said
    assert "Left out, lines of lines.txt that are no labels (1): short." in said
    assert "The lists of the official split" in said


def test_the_official_split_is_kept(folder: Path) -> None:
    (folder / "lines.txt").write_text(LINES, encoding="utf-8")
    (folder / "task").mkdir()
    for name, line in {"trainset": "b02-001-00", "validationset2": "a01-000u-01", "testset": "a01-000u-00"}.items():
        (folder / "task" / f"{name}.txt").write_text(f"{line}\n", encoding="utf-8")
    labels = find_labels(folder)
    assert "official split" not in " ".join(labels.faults)
    parts, how = deal(labels.lines, seed=0)
    assert {part: [labels.lines[k].name for k in numbers] for part, numbers in parts.items()} == {
        "train": ["b02-001-00"],
        "val": ["a01-000u-01"],
        "test": ["a01-000u-00"],
    }
    assert how == "train, val, test as the labels say"


def test_texts_of_xml_win(folder: Path) -> None:
    (folder / "xml").mkdir()
    (folder / "lines.txt").write_text(LINES, encoding="utf-8")
    (folder / "xml" / "a01-000u.xml").write_text(XML, encoding="latin-1")
    (folder / "xml" / "broken.xml").write_text("<form", encoding="latin-1")
    labels = find_labels(folder)
    [line] = labels.lines
    assert line.text == 'A MOVE to stop "Mr." Gaitskell'
    assert line.groups == {"form": "a01-000u", "writer": "000", "segmentation": "ok"}
    assert "broken.xml: cannot be read as XML" in " ".join(labels.faults)
    assert "pictures in lines/ without a text (2)" in " ".join(labels.faults)
