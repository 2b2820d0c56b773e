from reading_tools import SENTENCES, log_probability

from text_recognizer.reading.language import LanguageModel
from text_recognizer.training.shipped.build_language import main


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
