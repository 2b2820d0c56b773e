import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from reading_tools import STRIDE, TOKENS, bars, write_bar_model

from text_recognizer import TextRecognizer
from text_recognizer.errors import UsageError, UserError
from text_recognizer.imaging.normalization import HEIGHT, normalize
from text_recognizer.reading.calibration import Calibration, Confidence
from text_recognizer.reading.model_file import LineModel, Metadata
from text_recognizer.reading.recognizer import SomeUnread


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_bar_model(tmp_path_factory.mktemp("model") / "bars.onnx")


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_reads_text_confidence_and_places(model, decoder):
    positions = [20, 50, 75, 100]
    reading = TextRecognizer(model, decoder).read(bars(positions))
    assert reading.text == "IIII"
    assert 0.5 < reading.confidence <= 1
    assert [character.x0 for character in reading.characters] == pytest.approx(positions, abs=1.5)
    assert [character.x1 for character in reading.characters] == pytest.approx([x + 4 for x in positions], abs=1.5)
    assert all(0.5 < character.confidence <= 1 for character in reading.characters)
    assert reading.prepared.image.shape[0] == HEIGHT


def test_a_list_reads_as_its_pictures_one_by_one(model):
    rng = np.random.default_rng(0)
    pictures = [bars(sorted(rng.choice(np.arange(10, 580, 20), count, False).tolist()), 600) for count in range(1, 25)]
    reader = TextRecognizer(model)
    together = reader.read(pictures)
    assert [len(reading.text) for reading in together] == list(range(1, 25))
    for picture, reading in zip(pictures, together, strict=True):
        alone = reader.read(picture)
        assert (alone.text, alone.characters) == (reading.text, reading.characters)
        assert alone.confidence == pytest.approx(reading.confidence)


def test_of_a_list_the_others_are_read_whatever_is_wrong_with_one(model, monkeypatch):
    def fail(self, picture, *, split):
        if picture.shape[1] == 300:
            raise cv2.error("remap")
        return lines_of(self, picture, split=split)

    lines_of = TextRecognizer.lines
    monkeypatch.setattr(TextRecognizer, "lines", fail)
    pictures = [bars([20]), "none.png", b"", b"text", bars([20], 300), np.zeros((0, 5), np.uint8), 5, bars([20, 60])]
    results = TextRecognizer(model).read_each(pictures)
    assert [result.text for result in (results[0], results[-1])] == ["I", "II"]
    assert all(isinstance(result, UserError) for result in results[1:-1])
    assert isinstance(results[4].__cause__, cv2.error)
    with pytest.raises(SomeUnread, match=r"6 of 8 pictures cannot be read:\nnone\.png") as raised:
        TextRecognizer(model).read(pictures)
    assert [getattr(result, "text", None) for result in raised.value.results] == ["I", *[None] * 6, "II"]


def test_of_a_batch_the_others_are_read_when_one_line_fails(model, monkeypatch):
    widest = normalize(bars([20, 140])).image.shape[1]

    def fail(self, lines):
        if any(line.shape[1] == widest for line in lines):
            raise RuntimeError("a fault of the test")
        return log_probabilities(self, lines)

    log_probabilities = LineModel.log_probabilities
    monkeypatch.setattr(LineModel, "log_probabilities", fail)
    results = TextRecognizer(model).read_each([bars([20, 120]), bars([20, 140]), bars([20, 130])])
    assert [getattr(result, "text", None) for result in results] == ["II", None, "II"]


def test_writing_in_a_corner_of_a_wide_picture_is_read(model):
    picture = np.full((48, 14_000), 255, np.uint8)
    for x in range(13_700, 13_800, 8):
        picture[20:25, x : x + 1] = 0
    assert TextRecognizer(model).read(picture).text == "I" * 13


def test_blank_paper_reads_as_nothing(model):
    reading = TextRecognizer(model).read(np.full((40, 200), 230, np.uint8))
    assert (reading.text, reading.confidence, reading.characters, reading.prepared) == ("", 0, (), None)


@pytest.mark.parametrize("width", [1, STRIDE, 37, 801])
@pytest.mark.parametrize("count", [1, 3])
def test_one_time_step_per_stride_and_padding_changes_nothing(model, width, count):
    rng = np.random.default_rng(width)
    lines = [rng.integers(0, 256, (HEIGHT, width + 5 * number), np.uint8) for number in range(count)]
    network = LineModel(model)
    for line, log_probs in zip(lines, network.log_probabilities(lines), strict=True):
        assert log_probs.shape == (-(-line.shape[1] // STRIDE), len(TOKENS))
        np.testing.assert_allclose(log_probs, network.log_probabilities([line])[0], atol=1e-5)


def test_a_very_long_line_reads_in_pieces_as_in_one(model, monkeypatch):
    line = np.random.default_rng(0).integers(0, 256, (HEIGHT, 3001), np.uint8)
    network = LineModel(model)
    whole = network.log_probabilities([line])[0]
    monkeypatch.setattr("text_recognizer.reading.model_file.MAX_COLUMNS", 700)
    np.testing.assert_allclose(network.log_probabilities([line])[0], whole, atol=1e-5)


@pytest.mark.parametrize("missing", ["alphabet", "preparation", "stride", "confidence"])
def test_a_model_without_its_metadata_is_refused(tmp_path, missing):
    properties = Metadata(TOKENS, STRIDE).to_properties()
    del properties[missing]
    with pytest.raises(UserError, match=f"bars.onnx.*{missing}.*export"):
        TextRecognizer(write_bar_model(tmp_path / "bars.onnx", properties))


@pytest.mark.parametrize("alphabet", ['["<B>", "<b onclick=x>"]', '["<B>"]', '["<B>", "a", "a"]', "7"])
def test_a_model_with_another_alphabet_is_refused(tmp_path, alphabet):
    properties = Metadata(TOKENS, STRIDE).to_properties() | {"alphabet": alphabet}
    with pytest.raises(UserError, match=r"bars\.onnx.*alphabet.*export"):
        TextRecognizer(write_bar_model(tmp_path / "bars.onnx", properties))


def test_a_model_for_another_preparation_is_refused(tmp_path):
    properties = Metadata(TOKENS, STRIDE).to_properties() | {"preparation": '{"height": 64}'}
    with pytest.raises(UserError, match="prepared as"):
        TextRecognizer(write_bar_model(tmp_path / "bars.onnx", properties))


def test_a_missing_or_broken_model_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.onnx.*export"):
        TextRecognizer(tmp_path / "none.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(UserError, match=r"broken\.onnx"):
        TextRecognizer(tmp_path / "broken.onnx")


@pytest.mark.parametrize("flag", [{"threads": 0}, {"decoder": "lucky"}])
def test_impossible_settings(model, flag):
    with pytest.raises(UsageError, match=next(iter(flag))):
        TextRecognizer(model, **flag)


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_the_confidence_of_a_line_does_not_fall_with_its_length(model, decoder):
    reader = TextRecognizer(model, decoder)
    short, long = (reader.read(bars(list(range(20, 20 + 25 * count, 25)), 60 + 25 * count)) for count in (2, 100))
    assert len(long.text) >= 50 * len(short.text)
    assert long.confidence == pytest.approx(short.confidence, abs=0.01)
    mean = np.mean([character.confidence for character in long.characters])
    assert long.confidence == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_each_decoder_has_its_own_confidence(tmp_path, decoder):
    metadata = Metadata(
        TOKENS,
        STRIDE,
        greedy=Confidence(Calibration(0, -2.0), Calibration(1, 1.0)),
        beam=Confidence(Calibration(0, 2.0), Calibration(1, -1.0)),
    )
    file = write_bar_model(tmp_path / "bars.onnx", metadata.to_properties())
    reading = TextRecognizer(file, decoder).read(bars([20, 60]))
    logit = {"greedy": -2.0, "beam": 2.0}[decoder]
    assert [one.confidence for one in reading.characters] == pytest.approx([1 / (1 + np.exp(-logit))] * 2)
    assert reading.confidence == pytest.approx(1 / (1 + np.exp(-logit / 2)))


def test_a_model_of_before_keeps_what_its_characters_are_worth(tmp_path):
    own = {"slope": 0.5, "offset": 0.1}
    older = {"line": {"slope": 2.0, "offset": 0.0}, "character": own}
    properties = Metadata(TOKENS, STRIDE).to_properties() | {"confidence": json.dumps(older)}
    metadata = LineModel(write_bar_model(tmp_path / "bars.onnx", properties)).metadata
    assert metadata.greedy == metadata.beam == Confidence(Calibration(**own), Calibration())


def test_metadata_survive_a_round_trip(model):
    metadata = Metadata(TOKENS, STRIDE, beam=Confidence(Calibration(0.5, 1.0), Calibration(2.0, -1.0)))
    assert Metadata.from_properties(metadata.to_properties(), model) == metadata


def test_reading_imports_nothing_of_training(model, tmp_path):
    code = (
        "import sys; from text_recognizer.commands.read import read;"
        f"read([{str(tmp_path)!r}], model={str(model)!r}, lines=True);"
        "bad = {'torch', 'lightning', 'numba', 'matplotlib', 'onnx', 'text_recognizer.data', 'text_recognizer.models'};"
        "print(sorted(bad & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_other_readings_are_named_as_asked() -> None:
    picture = np.full((60, 200), 255, np.uint8)
    cv2.putText(picture, "l0O1", (20, 45), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.2, 40, 2, cv2.LINE_AA)
    [plain, asked] = [TextRecognizer(alternatives=count).read(picture) for count in (0, 2)]
    assert (asked.text, asked.confidence) == (plain.text, plain.confidence)
    assert plain.alternatives == ()
    assert {one.alternatives for one in plain.characters} == {()}
    assert 0 < max(len(one.alternatives) for one in asked.characters) <= 2
    assert len(asked.alternatives) <= 2


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_what_is_expected_is_read_and_nothing_else(model, decoder):
    picture = bars([20, 50, 75, 100])
    reader = TextRecognizer(model, decoder, alternatives=3)
    assert reader.read(picture, pattern="I{3}").text == "III"
    assert [one.text for one in reader.read([picture, bars([20])], words=["I", "II", "IIIII", "o"])] in (
        ["IIIII", "I"],
        ["II", "I"],
    )
    assert reader.read(picture).text == "IIII"
    assert TextRecognizer(model, decoder, allow="o").read(picture).text.strip("o") == ""


def test_alternatives_keep_to_what_is_expected(model):
    reader = TextRecognizer(model, alternatives=3).expecting(pattern="I+o?")
    reading = reader.read(bars([20, 50, 75]))
    assert {token for one in reading.characters[:-1] for token, _ in one.alternatives} == set()
    assert {token for token, _ in reading.characters[-1].alternatives} <= {"o"}


def test_a_line_too_short_for_what_is_expected_is_marked(model):
    reading = TextRecognizer(model, pattern="I{90}").read(bars([20]))
    assert (reading.text, reading.confidence, reading.unmatched) == ("", 0.0, True)
    assert reading.to_json()["unmatched"]
    assert "unmatched" not in TextRecognizer(model).read(bars([20])).to_json()
