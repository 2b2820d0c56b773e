import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from labelled_tools import write_pictures

from text_recognizer.errors import UsageError, UserError
from text_recognizer.evaluation.evaluate import Evaluation, evaluate, to_json
from text_recognizer.evaluation.readings import Reader, Said, read_file
from text_recognizer.evaluation.report import difference, html
from text_recognizer.evaluation.terminal import table
from text_recognizer.labels.lines import LabelledLine

LINES = [
    LabelledLine(f"a/{number}.png", Path(f"a/{number}.png"), "Line <b> & more", {"writer": f"w{number % 2}"})
    for number in range(6)
]
GOOD = Reader("good", [Said("Line <b> & more", 0.9, (0.9,) * 15)] * 6)
BAD = Reader("other <i>", [Said("Lime <b> & mor")] * 6)


@pytest.fixture
def evaluation() -> Evaluation:
    return evaluate(LINES, [BAD, GOOD], group="writer")


def test_figures_of_two_readers(evaluation: Evaluation) -> None:
    bad, good = evaluation.results
    assert bad.rates["as it is"].cer.value == pytest.approx(2 / 15)
    assert bad.rates["as it is"].wer.value == pytest.approx(2 / 4)
    assert bad.rates["both ignored"].cer.value == pytest.approx(2 / 11)
    assert good.rates["as it is"].exact.value == 1
    assert {value: rates.lines for value, rates in bad.groups.items()} == {"w0": 3, "w1": 3}
    assert bad.confusions == [("n", "m", 6), ("e", "", 6)]
    assert bad.reliability is None
    assert good.reliability is not None
    assert [(one.count, one.right) for one in good.reliability.characters] == [(90, 1.0)]
    assert evaluation.differences[0, 1].rate.value == pytest.approx(-2 / 15)
    assert evaluation.unit == "lines"


def test_the_lines_of_one_writer_are_drawn_where_whole_writers_are() -> None:
    lines = [
        LabelledLine(f"{number}.png", Path(f"{number}.png"), "Line", {"writer": f"w{number % 10}"})
        for number in range(100)
    ]
    said = [Said("Line" if number // 10 % 2 else "Lime") for number in range(100)]
    found = evaluate(lines, [Reader("half", said)], group="writer")
    whole, groups = found.results[0].rates["as it is"], found.results[0].groups
    assert (whole.exact.low, whole.exact.high) == (0.5, 0.5)  # all writers are alike
    assert len(groups) == 10
    for rates in groups.values():
        assert rates.exact.low < rates.exact.value == 0.5 < rates.exact.high
    assert "a bootstrap of writers or pages, in groups of fewer than 10 of lines." in table(found)
    assert "a bootstrap of writers or pages." in table(evaluate(lines, [Reader("half", said)]))


def test_as_json_and_as_a_table(evaluation: Evaluation) -> None:
    plain = json.loads(json.dumps(to_json(evaluation), allow_nan=False))
    assert [reader["name"] for reader in plain["readers"]] == ["other <i>", "good"]
    assert plain["readings"][0] == {
        "file": "a/0.png",
        "text": "Line <b> & more",
        "read": {"other <i>": "Lime <b> & mor", "good": "Line <b> & more"},
    }
    assert plain["differences"][0]["p"] == pytest.approx(2 / 2**6, abs=0.01)
    shown = table(evaluation)
    assert "'n' read 'm' 6, 'e' left out 6" in shown
    assert "CER of good less that of other <i>: -0.1333 [-0.1333, -0.1333], p = 0.0" in shown
    assert "writer w1" in shown


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "iframe", "b", "i")
        self.open += [tag] if tag not in ("meta", "br", "img") else []
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone(tmp_path: Path) -> None:
    write_pictures(tmp_path, ["0.png"])
    lines = [LabelledLine("0.png", tmp_path / "0.png", "Line <b> & more"), LINES[1]]
    readers = [Reader(one.name, one.said[:2]) for one in (BAD, GOOD)]
    page = html(evaluate(lines, readers), ["<b> was left out"], title="A <b> title", worst=5)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert len(tags.addresses) == 1
    assert str(tags.addresses[0]).startswith("data:image/png;base64,")
    assert "a/1.png: cannot be read (No such file or directory)." in page
    assert "Li<del>n</del><ins>m</ins>e &lt;b&gt; &amp; mor<del>e</del>" in page


def test_a_difference_is_marked_and_escaped() -> None:
    assert difference("a<c", "ab>") == "a<del>b&gt;</del><ins>&lt;c</ins>"


def test_a_group_that_is_no_column_is_refused() -> None:
    with pytest.raises(UsageError, match="--group is 'age', but the labels have writer"):
        evaluate(LINES, [GOOD], group="age")


def test_readings_of_other_programs_are_found_by_the_end_of_their_path(tmp_path: Path) -> None:
    file, faults = tmp_path / "other.jsonl", list[str]()
    rows = [
        {"file": "/somewhere/a/0.png", "text": "zero", "confidence": 0.5},
        {"file": "1.png", "text": "one"},
        {"file": "b/9.png", "text": "of no line"},
        {"file": "a/3.png", "error": "a/3.png: broken"},
    ]
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    reader = read_file(file, LINES[:4], faults)
    assert [said.text for said in reader.said] == ["zero", "one", "", ""]
    assert reader.said[0].confidence == 0.5
    assert faults == [
        "Lines without a reading in other.jsonl, which count as read empty (1): a/2.png.",
        "Readings in other.jsonl of no labelled line (1): b/9.png.",
        "Confidences in other.jsonl are not measured, as lines have none from 0 to 1 (3): a/1.png, a/2.png, a/3.png.",
    ]


def test_half_a_character_in_a_reading_is_a_wrong_one(tmp_path: Path) -> None:
    rows = [{"file": "a/0.png", "text": "Line <b> & mor\ud83d"}, {"file": "\ud83d.png", "text": "of no line"}]
    (tmp_path / "read.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    faults: list[str] = []
    found = evaluate(LINES[:1], [read_file(tmp_path / "read.jsonl", LINES[:1], faults)])
    assert found.results[0].edits.tolist() == [1]
    for written in (json.dumps(to_json(found), ensure_ascii=False), html(found, faults, title="", worst=1)):
        assert "\ufffd" in written.encode().decode()


def test_readings_of_a_table_are_known_by_its_header(tmp_path: Path) -> None:
    rows = 'file\tpage\tline\ttext\tconfidence\tleft\na/0.png\t1\t1\t"a ""b"""\t0.75\t3\na/1.png\t1\t1\tone\t0.5\t3\n'
    (tmp_path / "read.tsv").write_text(rows, encoding="utf-8")
    faults: list[str] = []
    assert read_file(tmp_path / "read.tsv", LINES[:2], faults).said == [Said('a "b"', 0.75), Said("one", 0.5)]
    assert faults == []


@pytest.mark.parametrize("confidence", ["97", "-0.1", "nan", ""])
def test_a_confidence_that_is_none_is_named(tmp_path: Path, confidence: str) -> None:
    rows = f"file\ttext\tconfidence\na/0.png\tone\t0.5\na/1.png\ttwo\t{confidence}\n"
    (tmp_path / "read.tsv").write_text(rows, encoding="utf-8")
    faults: list[str] = []
    reader = read_file(tmp_path / "read.tsv", LINES[:2], faults)
    assert [said.confidence for said in reader.said] == [0.5, None]
    assert faults == ["Confidences in read.tsv are not measured, as lines have none from 0 to 1 (1): a/1.png."]


def test_what_is_odd_about_readings_is_said(tmp_path: Path) -> None:
    rows = [{"file": "a/0.png", "text": text, "confidence": 50} for text in ("first", "second")]
    (tmp_path / "read.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    faults: list[str] = []
    reader = read_file(tmp_path / "read.jsonl", LINES[:2], faults, name="x/read.jsonl")
    assert (reader.name, reader.said) == ("x/read.jsonl", [Said("second"), Said("")])
    assert faults == [
        "Lines without a reading in x/read.jsonl, which count as read empty (1): a/1.png.",
        "Files with several readings in x/read.jsonl, of which the last counts (1): a/0.png.",
        "Confidences in x/read.jsonl are not measured, as lines have none from 0 to 1 (2): a/0.png, a/1.png.",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a/0.png\tone\t0.9\n", "line 1 is no reading.*More columns need a first line with their names"),
        ("", "has readings of nothing, but of none of the labelled lines, such as a/0.png"),
        ("x.png\ttext\n", "has readings of x.png, but of none"),
        ("just words\n", "line 1 is no reading"),
        ('{"file": "a/0.png"}\n', "line 1 is no reading"),
        ('{"file": \n', "line 1 is no reading"),
    ],
)
def test_files_that_hold_no_readings_are_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "other.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_file(tmp_path / "other.tsv", LINES, [])
