from text_recognizer.reading.language import LanguageModel
from text_recognizer.reading.ngrams import build_language_model
from text_recognizer.training.shipped.build_language import main

SENTENCES = "The cat sat on the mat. The dog sat on the log, and the cat saw the dog. " * 200


def log_probability(model: LanguageModel, text: str) -> float:
    state, total = model.start, 0.0
    for character in text:
        total += model.log_probability(state, character)
        state = model.next_state(state, character)
    return total


def test_learns_its_text_and_survives_a_file(tmp_path):
    model = build_language_model(SENTENCES, contexts=500)
    assert log_probability(model, "the cat") > log_probability(model, "teh cat") + 2
    model.save(tmp_path / "model.npz")
    loaded = LanguageModel.load(tmp_path / "model.npz")
    assert log_probability(loaded, "the dog sat") == log_probability(model, "the dog sat")


def test_the_same_text_gives_the_same_model():
    first, second = (build_language_model(SENTENCES, contexts=100) for _ in range(2))
    assert log_probability(first, SENTENCES[:300]) == log_probability(second, SENTENCES[:300])


def test_build_command(tmp_path, monkeypatch, capsys):
    (tmp_path / "book.txt").write_text(f"licence *** START OF THE BOOK *** {SENTENCES} *** END OF THE BOOK *** licence")
    output = tmp_path / "model.npz"
    monkeypatch.setattr("sys.argv", ["build", "--text", str(tmp_path / "book.txt"), "--output", str(output)])
    assert main() == 0
    assert log_probability(LanguageModel.load(output), "the cat") > log_probability(
        LanguageModel.load(output), "licence"
    )
    monkeypatch.setattr("sys.argv", ["build", "--text", str(tmp_path / "none.txt"), "--output", str(output)])
    assert main() == 1
    assert "none.txt" in capsys.readouterr().err
