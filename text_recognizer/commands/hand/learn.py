"""``text-recognizer hand learn``: from photographs of the filled-in sheet, or labelled lines, to a hand that reads."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from text_recognizer.commands.finetune import arguments_of_lines, check_minutes, summary
from text_recognizer.errors import UserError, check_seed
from text_recognizer.files import check_not_read
from text_recognizer.hand.file import SUFFIX, HandFile
from text_recognizer.hand.learning import Phase, Report, learn
from text_recognizer.hand.lines import learn_from_lines
from text_recognizer.hand.samples import Samples
from text_recognizer.hand.sheet.boxes import FilledBox
from text_recognizer.hand.sheet.contact import write_contact_sheet
from text_recognizer.hand.sheet.layout import CHARACTERS
from text_recognizer.hand.sheet.photo import find_sheet
from text_recognizer.hand.store import check_name, file_to_save, save_hand
from text_recognizer.imaging.library_output import told_to_the_user
from text_recognizer.imaging.pictures import load_picture
from text_recognizer.training.logs import quiet_lightning


def learn_hand(
    photos: list[str], *, name: str, seed: int = 42, contact: str = "contact.png", minutes: float = 12.0
) -> None:
    """Learn a hand from photographs of the filled-in sheet, in a few minutes, or from labelled lines.

    Args:
        photos: Photographs or scans of one or more filled-in sheets of one person, or hand files, whose pictures are
            used again; or else one folder of labelled lines, such as corrections.
        name: Name of the hand. An existing hand of that name is replaced when the new one is learned.
        seed: Seed of everything random.
        contact: The contact sheet to write, a PNG that shows what was found on the sheet. With several sheets, the
            second and later ones get a number.
        minutes: The longest training time for a folder of labelled lines.

    Raises:
        UsageError: If no hand can have that name, the seed is out of range, or there are no minutes.
        UserError: If a picture cannot be used, too little was written, or a file cannot be written.
    """
    check_name(name)
    check_seed(seed)
    check_minutes(minutes)
    check_contact(contact, photos)
    started = time.perf_counter()
    if any(map(os.path.isdir, photos)):
        hand = _learned_from_lines(name, photos, seed, minutes)
    else:
        hand = _learned_from_photos(name, photos, seed, contact)
    file = save_hand(name, hand.to_bytes())
    print(f"Learned {name!r} in {time.perf_counter() - started:.0f} s: {file}\n{hand.figures}")
    print(f"Read with it: text-recognizer read --hand {name} PICTURE")


def _learned_from_photos(name: str, photos: list[str], seed: int, contact: str) -> HandFile:
    samples = Samples((), ())
    for number, photo in enumerate(photos, 1):
        samples += Samples.of(Path(photo)) if Path(photo).suffix == SUFFIX else _written(photo, contact, number)
    samples.check()
    file_to_save(name)
    with _progress_bar() as report:
        return learn(samples, seed, report)


def _learned_from_lines(name: str, folders: list[str], seed: int, minutes: float) -> HandFile:
    if len(folders) > 1:
        raise UserError(
            f"{', '.join(folders)}: a folder of labelled lines is learned alone. "
            "Put all lines into one folder, or learn a hand from each."
        )
    file_to_save(name)
    quiet_lightning()
    with tempfile.TemporaryDirectory(prefix="hand-") as log_dir:
        flags = {"seed": seed, "minutes": minutes}
        hand, choices, about = learn_from_lines(arguments_of_lines("hand learn", folders[0], flags, log_dir))
    print(summary(choices, about))
    return hand


def _written(photo: str, contact: str, number: int) -> Samples:
    return Samples.from_boxes(boxes_of(photo, contact, number, CHARACTERS))


@told_to_the_user()
def boxes_of(photo: str, contact: str, number: int, characters: str) -> tuple[FilledBox, ...]:
    """The boxes of photograph ``number`` of a sheet; writes its contact sheet and says what was found.

    Raises:
        UserError: If the photograph cannot be used.
    """
    file, shown = Path(photo), _numbered(Path(contact), number)
    picture = load_picture(file)
    try:
        found = find_sheet(picture, characters)
    except UserError as error:
        raise UserError(f"{file}: {error}") from error
    write_contact_sheet(shown, found)
    states = [box.state for box in found.boxes]
    print(
        f"{file}: {states.count('ok')} of {len(states)} boxes are fine, {states.count('empty')} are empty, "
        f"{states.count('doubtful')} doubtful (left out): {shown}"
    )
    return found.boxes


def check_contact(contact: str, photos: Sequence[str]) -> None:
    """Check that no contact sheet takes the place of a photograph.

    Raises:
        UsageError: If one would.
    """
    for number in range(1, len(photos) + 1):
        check_not_read("--contact", _numbered(Path(contact), number), photos)


def _numbered(file: Path, number: int) -> Path:
    return file if number == 1 else file.with_stem(f"{file.stem}-{number}")


@contextmanager
def _progress_bar() -> Iterator[Report]:
    """A bar on standard error with what is left; where nobody looks at it, a line every ten seconds."""
    form = "{desc:16}{percentage:3.0f} %|{bar:40}| {remaining} left"
    with tqdm(total=1.0, bar_format=form, mininterval=0.2 if sys.stderr.isatty() else 10, smoothing=0.05) as bar:

        def report(phase: Phase, done: float) -> None:
            bar.set_description_str(phase, refresh=False)
            bar.update(done - bar.n)

        yield report
