"""What a reader of another script is worth: ``python benchmarks/script.py --script greek --fonts FOLDER``.

A sheet of the script's characters is filled in by code with one font, its glyphs turned, stretched and bent a little,
printed and photographed (``photographs.py``), and ``text-recognizer hand script`` learns it. Lines in another font,
which the training has not seen, are then read: with the sheet alone, and after ``finetune`` has learned 100 corrected
lines in that font, of other texts. Texts are made by the library Faker, whose words are those of its lists.

The folder holds the fonts named in ``SCRIPTS`` (SIL Open Font License), as TrueType files, from the npm packages
``@fontsource/mynerve``, ``comic-relief``, ``pangolin`` and ``neucha``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from faker import Faker
from photographs import PAGE_SCALE, Camera, print_sheet
from PIL import Image, ImageDraw, ImageFont
from report import machine, write

from text_recognizer.command_line import run_safely
from text_recognizer.commands.finetune import finetune
from text_recognizer.commands.hand.script import script
from text_recognizer.data.sets.paper_lines import reader_view
from text_recognizer.data.synthesis.ink import bend
from text_recognizer.data.synthesis.paper import photograph
from text_recognizer.data.synthesis.writers import FontWriter
from text_recognizer.evaluation.measures import cer
from text_recognizer.files import write_text
from text_recognizer.hand.sheet.layout import BASELINE, X_HEIGHT, Box, Sheet
from text_recognizer.reading.recognizer import Reading, TextRecognizer

SEED = 5
LEARNED, TESTED = 100, 200
"""Corrected lines in the font kept apart, and lines of it to test on."""
LONGEST = 32


@dataclass(frozen=True)
class Script:
    """Its characters, the country whose words Faker knows, and fonts: of the sheet, and the one kept apart."""

    characters: str
    locale: str
    sheet: str
    held_out: str


SCRIPTS = {
    "greek": Script(
        "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ",
        "el_GR",
        "mynerve-greek-400-normal.ttf",
        "comic-relief-greek-400-normal.ttf",
    ),
    "cyrillic": Script(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЫЭЮЯ",
        "ru_RU",
        "pangolin-cyrillic-400-normal.ttf",
        "neucha-cyrillic-400-normal.ttf",
    ),
}


def filled_sheet(one: Script, font: Path) -> np.ndarray:
    """The photograph of a sheet that is filled in with a font, uint8 (h, w) or (h, w, 3)."""
    rng = np.random.default_rng(SEED)
    sheet = Sheet(characters=one.characters)
    page = print_sheet(sheet, False).astype(np.float32)
    for box in sheet.boxes:
        x, y = ((side + start) * PAGE_SCALE for side, start in zip((box.x, box.y), sheet.origin, strict=True))
        ink = written(box, font, rng)
        part = page[round(y) : round(y) + ink.shape[0], round(x) : round(x) + ink.shape[1]]
        part *= 1 - 0.85 * ink / np.float32(255)
    return Camera.of(SEED).photograph(np.rint(page).astype(np.uint8))


def written(box: Box, font: Path, rng: np.random.Generator) -> np.ndarray:
    """The ink in a box, uint8, ``PAGE_SCALE``: the font's character on the line, not twice the same."""
    width, height = round(box.width * PAGE_SCALE), round(box.height * PAGE_SCALE)
    x_height = FontWriter([font], [False], [False], [1.0]).x_heights[0]
    size = X_HEIGHT * PAGE_SCALE / x_height * rng.uniform(0.9, 1.05)
    picture = Image.new("L", (width, height))
    place = width / 2 + rng.normal(0, 0.02 * width), BASELINE * PAGE_SCALE + rng.normal(0, 0.02 * height)
    loaded = ImageFont.truetype(str(font), size)
    ImageDraw.Draw(picture).text(place, box.text, 255, loaded, anchor="ms")
    bent = bend(np.asarray(picture), rng, 0.012 * height, 0.3 * height)
    turn = cv2.getRotationMatrix2D(place, rng.normal(0, 3), 1)
    return cv2.warpAffine(bent, turn, (width, height), flags=cv2.INTER_LINEAR)


def sentences(one: Script, count: int, seed: int) -> list[str]:
    """Texts of the script, each at most ``LONGEST`` characters, without signs that the sheet lacks."""
    faker = Faker(one.locale)
    faker.seed_instance(seed)
    known = set(one.characters) | {" "}
    texts: list[str] = []
    while len(texts) < count:
        text = "".join(c for c in faker.sentence(nb_words=4) if c in known)
        if 3 < len(text) <= LONGEST:
            texts.append(text.strip())
    return texts


def pictures(texts: list[str], font: Path, seed: int) -> list[np.ndarray]:
    """Lines in a font, on paper as a camera sees it."""
    writer, found = FontWriter([font], [False], [False], [1.0]), []
    for number, text in enumerate(texts):
        rng = np.random.default_rng((seed, number))
        ink = writer.write(text, rng)
        assert ink is not None, text
        found.append(photograph(ink, [], reader_view(ink, ink.width, rng), rng))
    return found


def error_rate(model: Path | None, texts: list[str], lines: list[np.ndarray], language: Path) -> float:
    """Character error rate of a reader; the one that ships has no language model of the script."""
    reader = TextRecognizer(model, language=None if model is None else language)
    return cer([one.text if isinstance(one, Reading) else "" for one in reader.read_each(lines)], texts)


def measure(name: str, fonts: Path, minutes: float) -> str:
    """A row of the table."""
    one = SCRIPTS[name]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        text, photo, model, better = (folder / file for file in ("text.txt", "sheet.png", "a.onnx", "b.onnx"))
        write_text(text, "\n".join(sentences(one, 3000, 1)))
        cv2.imwrite(str(photo), filled_sheet(one, fonts / one.sheet))
        script(
            [str(photo)],
            alphabet=one.characters,
            out=str(model),
            text=str(text),
            minutes=minutes,
            contact=str(folder / "contact.png"),
        )
        learned, tested = sentences(one, LEARNED, 2), sentences(one, TESTED, 3)
        lines = pictures(tested, fonts / one.held_out, 3)
        own = pictures(tested, fonts / one.sheet, 4)
        mine = folder / "mine"
        mine.mkdir()
        for number, picture in enumerate(pictures(learned, fonts / one.held_out, 2)):
            cv2.imwrite(str(mine / f"{number:03}.png"), picture)
        rows = [f"{number:03}.png\t{said}" for number, said in enumerate(learned)]
        write_text(mine / "labels.tsv", "\n".join(["file\ttext", *rows]) + "\n")
        finetune(str(mine), init=str(model), out=str(better), minutes=minutes, freeze="nothing", lr=5e-4)
        rates = [
            error_rate(None, tested, lines, text),
            error_rate(model, tested, own, text),
            error_rate(model, tested, lines, text),
            error_rate(better, tested, lines, text),
        ]
    return " | ".join(["", name, *(f"{rate:.3f}" for rate in rates), ""]).strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--script", choices=SCRIPTS, action="append", help="by default all")
    parser.add_argument("--fonts", type=Path, required=True, help="folder with the fonts")
    parser.add_argument("--minutes", type=float, default=12.0, help="of each training, at most")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    arguments = parser.parse_args()

    def command() -> None:
        rows = [measure(name, arguments.fonts, arguments.minutes) for name in arguments.script or SCRIPTS]
        heads = ["script", "before", "the sheet's font", "another font", "with 100 lines of it"]
        table = [f"| {' | '.join(heads)} |", "| --- " + "| ---: " * 4 + "|", *rows]
        text = "\n".join([*table, "", f"{TESTED} lines each; at most {arguments.minutes:g} minutes. {machine()}."])
        print(text)
        if arguments.write:
            write(arguments.write, text, "script")

    return run_safely(command)


if __name__ == "__main__":
    sys.exit(main())
