from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from text_recognizer.errors import UserError
from text_recognizer.labels.find import find_labels
from text_recognizer.labels.parts import unit_of

PAGE = """<?xml version="1.0"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
 <Page imageFilename="{picture}" imageWidth="200" imageHeight="100"><TextRegion id="r">
  <TextLine id="l1"><Coords points="10,10 90,10 90,29 10,29"/>
   <Word><TextEquiv><Unicode>wrong</Unicode></TextEquiv></Word>
   <TextEquiv index="1"><Unicode>second choice</Unicode></TextEquiv>
   <TextEquiv index="0"><Unicode>first  line</Unicode></TextEquiv></TextLine>
  <TextLine id="l2"><TextEquiv><Unicode>no outline</Unicode></TextEquiv></TextLine>
  <TextLine id="l3"><Coords><Point x="10" y="50"/><Point x="90" y="50"/><Point x="90" y="69"/></Coords>
   <TextEquiv><Unicode>third</Unicode></TextEquiv></TextLine>
 </TextRegion></Page></PcGts>"""
ALTO = """<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#">
 <Description><MeasurementUnit>mm10</MeasurementUnit>
  <sourceImageInformation><fileName>scans\\{picture}</fileName></sourceImageInformation></Description>
 <Layout><Page WIDTH="400" HEIGHT="200"><PrintSpace><TextBlock>
  <TextLine ID="a1" HPOS="20" VPOS="20" WIDTH="160" HEIGHT="38"><String CONTENT="two"/><SP/><String CONTENT="wor"/>
   <HYP CONTENT="-"/></TextLine>
  <TextLine ID="a2"><Shape><Polygon POINTS="20,100 180,100 180,138 20,138"/></Shape><String CONTENT="x"/></TextLine>
 </TextBlock></PrintSpace></Page></Layout></alto>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A page of 200 x 100, 220 grey, with a line of ink and its neighbour's just below."""
    page = np.full((100, 200), 220, np.uint8)
    page[12:27, 12:88] = 40
    page[33:40] = 0
    Image.fromarray(page).save(tmp_path / "page.png")
    return tmp_path


def test_page_xml_is_cut_along_its_outlines(folder: Path) -> None:
    (folder / "page").mkdir()
    (folder / "page" / "one.xml").write_text(PAGE.format(picture="page.png"), encoding="utf-8")
    labels = find_labels(folder)
    assert {line.name: line.text for line in labels.lines} == {
        "page/one.xml#l1": "first line",
        "page/one.xml#l3": "third",
    }
    assert labels.faults == ["page/one.xml#l2: has no outline and was left out."]
    first = labels.lines[0]
    picture = first.load()
    assert picture.shape == (22, 83)
    assert (picture == 40).sum() == 15 * 76
    assert picture.max() == 220
    assert picture.min() == 40
    assert unit_of(first) == "page page.png"


def test_alto_is_measured_in_its_own_units(folder: Path) -> None:
    (folder / "one.xml").write_text(ALTO.format(picture="page.png"), encoding="utf-8")
    labels = find_labels(folder)
    assert [(line.name, line.text) for line in labels.lines] == [("one.xml#a1", "two wor-"), ("one.xml#a2", "x")]
    assert (labels.lines[0].load() == 40).sum() == 15 * 76


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PAGE.format(picture="gone.png"), "no picture of its page beside it; 3 lines left out"),
        (PAGE.format(picture="/etc/hostname"), "no picture of its page beside it"),
        (PAGE[:400], "cannot be read as PAGE XML or ALTO"),
        (PAGE.format(picture="page.png").replace("10,10 90,10", "10 90,10"), "are no pairs"),
        (PAGE.format(picture="page.png").replace("10,10 90,10", "ten,10"), "could not convert"),
    ],
)
def test_one_bad_page_leaves_the_others(folder: Path, content: str, message: str) -> None:
    (folder / "bad.xml").write_text(content, encoding="utf-8")
    (folder / "good.xml").write_text(ALTO.format(picture="page.png"), encoding="utf-8")
    (folder / "no.xml").write_text("<html/>", encoding="utf-8")
    labels = find_labels(folder)
    assert [line.name for line in labels.lines] == ["good.xml#a1", "good.xml#a2"]
    assert message in " ".join(labels.faults)


def test_an_outline_off_the_page_is_named(folder: Path) -> None:
    moved = ALTO.format(picture="page.png").replace('HPOS="20"', 'HPOS="2000"')
    (folder / "one.xml").write_text(moved, encoding="utf-8")
    with pytest.raises(ValueError, match=r"one\.xml#a1: its outline is not on the page of 200 x 100 pixels"):
        find_labels(folder).lines[0].load()


@pytest.mark.parametrize("y", ["1e6", "1e300", "inf", "-1e9"])
def test_an_outline_that_leaves_the_page_is_cut_off_there(folder: Path, y: str) -> None:
    page = PAGE.format(picture="page.png").replace("90,29 10,29", f"90,{y} 10,{y}")
    (folder / "one.xml").write_text(page, encoding="utf-8")
    height, width = find_labels(folder).lines[0].load().shape
    assert height <= 100
    assert width <= 200


def test_an_outline_of_no_numbers_is_named(folder: Path) -> None:
    page = PAGE.format(picture="page.png").replace("90,29", "nan,29")
    (folder / "one.xml").write_text(page, encoding="utf-8")
    with pytest.raises(UserError, match=r"one\.xml#l1: its outline has points that are no numbers"):
        find_labels(folder).lines[0].load()
