from text_recognizer.evaluation.suggestions import most_doubted
from text_recognizer.reading.recognizer import Character, Reading


def reading(text: str, confidence: float) -> Reading:
    return Reading(text, confidence, tuple(Character(one, confidence, 0, 1) for one in text))


def test_lines_of_least_confidence_that_differ_come_first():
    readings = [reading("ab", 0.1), reading("ba", 0.2), reading("cde", 0.6), reading("fg", 0.9)]
    assert most_doubted(readings, 3) == [0, 2, 1]


def test_long_lines_come_before_short_ones():
    assert most_doubted([reading("a", 0.5), reading("bcd", 0.6)], 1) == [1]


def test_there_are_no_more_lines_than_there_are():
    assert most_doubted([reading("a", 0.5)], 20) == [0]
    assert most_doubted([], 20) == []
