import subprocess
import sys

import numpy as np
import pytest

from text_recognizer.data.glyphs.fonts import load_fonts
from text_recognizer.data.sets.paper_lines import GLYPHS_ALONE, InkShares, PaperLines
from text_recognizer.data.sets.sheets import SHAPES, SheetDataset
from text_recognizer.data.splits import SPLITS
from text_recognizer.data.synthesis.writers import FontWriter
from text_recognizer.errors import UsageError, UserError
from text_recognizer.imaging.crop import CROP_HEIGHT


@pytest.fixture(scope="module")
def data() -> PaperLines:
    data = PaperLines(glyphs="strokes", shares=GLYPHS_ALONE, num_train=64, num_val=16, num_test=16, batch_size=8)
    data.prepare_data()
    data.setup()
    return data


def test_a_line_is_the_same_bytes_in_any_batch(data: PaperLines) -> None:
    train = data.datasets["train"]
    batch = train.batch(np.array([3, 1, 2]))
    alone = train.batch(np.array([1]))
    width = int(alone.widths[0])
    assert int(batch.widths[1]) == width
    np.testing.assert_array_equal(batch.images[1, :, :width], alone.images[0, :, :width])
    np.testing.assert_array_equal(batch.targets[1], alone.targets[0])


def test_boxes_stand_in_order_within_the_line(data: PaperLines) -> None:
    lines = data.datasets["train"].batch(np.arange(16))
    for boxes, length, width in zip(lines.boxes, lines.lengths, lines.widths, strict=True):
        own = boxes[:length]
        assert (own[:, 0] < own[:, 1]).all()
        assert own.size == 0 or (own.min() >= 0 and own.max() <= width + 1)
        centres = own.mean(axis=1)
        assert (np.diff(centres) > -8).all()


def test_a_line_too_short_for_any_written_word_stays_empty() -> None:
    shares = InkShares(pen_words=1, pen_characters=0, fonts=0, glyphs=0)
    settings = {"glyphs": "strokes", "pen": "builtin", "num_train": 4, "num_val": 1, "num_test": 1}
    data = PaperLines(**settings, shares=shares, max_length=1)
    data.prepare_data()
    data.setup()
    assert data.datasets["train"].batch(np.arange(4)).lengths.tolist() == [0, 0, 0, 1]


def test_what_has_no_share_is_not_looked_for() -> None:
    settings = {"glyphs": "none.npz", "pen": "builtin", "num_train": 4, "num_val": 1, "num_test": 1}
    data = PaperLines(**settings, shares=InkShares(pen_words=1, pen_characters=0, fonts=0, glyphs=0))
    data.prepare_data()
    data.setup()
    assert data.datasets["train"].batch(np.arange(4)).lengths.max() > 1
    with pytest.raises(UserError, match=r"none\.npz"):
        PaperLines(**settings, shares=GLYPHS_ALONE).prepare_data()


def test_batches_are_what_models_take(data: PaperLines) -> None:
    lines = data.datasets["val"].batch(np.arange(8))
    assert lines.images.shape[1] == CROP_HEIGHT
    assert lines.images.dtype == np.uint8
    assert lines.images.shape[2] % 64 == 0
    assert (lines.images[np.arange(8), :, lines.widths - 1].max() > 0) or lines.widths.min() > 0
    assert lines.targets.shape == (8, data.max_length)


def test_planned_widths_are_near_the_lines(data: PaperLines) -> None:
    train, indices = data.datasets["train"], np.arange(40)
    ratio = train.batch(indices).widths / train.widths(indices)
    assert 0.7 < np.median(ratio) < 1.3


def test_training_lines_are_new_each_epoch_and_others_are_not(data: PaperLines) -> None:
    assert data.datasets["train"].fresh_each_epoch
    assert not data.datasets["val"].fresh_each_epoch


def test_sheets_say_where_their_lines_are(data: PaperLines) -> None:
    sheets = SheetDataset(data.datasets["train"], seed=1)  # type: ignore[arg-type]
    seen = set()
    for number in range(8):
        images, bands = sheets.batch(number, 2)
        seen.add(images.shape[1:])
        assert bands.shape == (2, 3, images.shape[1] // 4, images.shape[2] // 4)
        assert set(np.unique(bands[:, 0])) <= {-1, 0, 1}
        assert np.abs(bands[:, 2][bands[:, 0] == 1]).max(initial=0) < 0.5
    assert seen <= set(SHAPES)
    np.testing.assert_array_equal(sheets.batch(3, 2).images, sheets.batch(3, 2).images)


def test_fonts_that_ship_write_lines_without_a_download() -> None:
    shares = InkShares(pen_words=0, pen_characters=0, fonts=1, glyphs=0)
    data = PaperLines(glyphs="strokes", fonts="builtin", shares=shares, num_train=16, num_val=16, num_test=16)
    data.setup()
    families = [{font.family for font in load_fonts(split, "builtin")} for split in SPLITS]
    assert len(set.union(*families)) == sum(map(len, families)) == 12
    for dataset in data.datasets.values():
        assert dataset.batch(np.arange(16)).images.max() == 255


def test_a_font_that_draws_small_letters_as_capitals_says_capitals() -> None:
    font = load_fonts("train", "builtin")[0]
    writer = FontWriter([font.path], joined=[False], capitals=[True], weights=[1.0])
    ink = writer.write("servant", np.random.default_rng(1))
    assert ink is not None
    assert ink.text == "SERVANT"


def test_workers_start_though_opencv_has_used_threads_before() -> None:
    program = (
        "import cv2, numpy as np\n"
        "from text_recognizer.data.sets.paper_lines import GLYPHS_ALONE, PaperLines\n"
        "cv2.setNumThreads(4)\n"
        "cv2.resize(np.zeros((4000, 4000), np.uint8), (3000, 3000), interpolation=cv2.INTER_CUBIC)\n"
        "data = PaperLines(glyphs='strokes', shares=GLYPHS_ALONE, num_train=8, batch_size=4, num_workers=1)\n"
        "data.setup()\n"
        "print(len(next(iter(data.train_dataloader())).images))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "4\n"


def test_fields_are_short() -> None:
    settings = {"glyphs": "strokes", "fonts": "builtin", "pen": "builtin", "num_train": 64, "num_val": 16}
    lengths = {}
    for share in (0.0, 1.0):
        lines = PaperLines(field_share=share, **settings)
        lines.prepare_data()
        lines.setup()
        lengths[share] = [len(lines.datasets["train"].plan(index).text) for index in range(200)]
    assert max(lengths[1.0]) <= 8
    assert sum(length == 1 for length in lengths[1.0]) > 20
    assert np.mean(lengths[0.0]) > 3 * np.mean(lengths[1.0])


def test_a_share_of_fields_is_a_share() -> None:
    with pytest.raises(UsageError, match="--field_share is"):
        PaperLines(field_share=1.5)
