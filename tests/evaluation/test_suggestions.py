import time
from collections import Counter

import numpy as np

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


def test_each_choice_is_the_most_doubted_of_what_is_left():
    rng = np.random.default_rng(0)
    readings = [reading("".join(rng.choice(list("abcdefg"), 6)), float(rng.random())) for _ in range(60)]
    chosen = most_doubted(readings, 60)
    for place in (0, 1, 10, 59):
        seen = Counter(one for number in chosen[:place] for one in readings[number].text)
        doubts = {
            number: sum((1 - readings[number].confidence) / (1 + seen[one]) for one in readings[number].text)
            for number in chosen[place:]
        }
        assert chosen[place] == max(sorted(doubts), key=lambda number: doubts[number])


def test_many_lines_are_ordered_in_seconds():
    readings = [reading("abc", 0.5), *(reading(chr(97 + k % 26) * 20, 0.1 + 0.8 * k / 3000) for k in range(3000))]
    started = time.perf_counter()
    assert len(most_doubted(readings, 3001)) == 3001
    assert time.perf_counter() - started < 30
