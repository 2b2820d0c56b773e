import tracemalloc

import numpy as np
import pytest

from text_recognizer.evaluation import significance
from text_recognizer.evaluation.significance import difference_of, rate_of, units_of


def test_an_interval_holds_the_rate_and_narrows_with_more_lines() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for count in (50, 5000):
        errors, lengths = rng.binomial(20, 0.1, count), np.full(count, 20)
        found = rate_of(errors, lengths, np.arange(count))
        assert found.value == errors.sum() / lengths.sum()
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[1] == pytest.approx(widths[0] / 10, rel=0.3)
    expected = 2 * 1.96 * (0.1 * 0.9 / (50 * 20)) ** 0.5
    assert widths[0] == pytest.approx(expected, rel=0.35)


def test_lines_of_one_writer_err_together_so_that_less_is_known() -> None:
    writers = np.repeat(np.arange(20), 50)
    errors = np.where(writers % 2, 4, 0)
    lengths = np.full(len(writers), 20)
    by_line, by_writer = (rate_of(errors, lengths, units) for units in (np.arange(len(writers)), writers))
    assert by_writer.high - by_writer.low > 3 * (by_line.high - by_line.low)


def test_units_are_those_that_the_labels_know() -> None:
    assert units_of([f"writer {number % 12}" for number in range(30)])[1] is True
    few, known = units_of(["writer 1", "writer 2"] * 10)
    assert (known, few.tolist()) == (False, list(range(20)))
    assert units_of([None, *map(str, range(20))])[1] is False


def test_a_real_difference_is_told_from_chance() -> None:
    rng = np.random.default_rng(1)
    lengths, units = np.full(300, 30), np.arange(300)
    first = rng.binomial(30, 0.1, 300)
    better, other = rng.binomial(first, 0.7), rng.permutation(first)
    real, chance = (difference_of(first, second, lengths, units) for second in (better, other))
    assert real.p == pytest.approx(1 / 10_001)
    assert real.rate.high < 0
    assert real.rate.value == (better.sum() - first.sum()) / 9000
    assert chance.p == 1
    assert chance.rate.low <= 0 <= chance.rate.high


def test_readers_that_do_not_differ_rarely_seem_to() -> None:
    lengths, units = np.full(60, 20), np.arange(60)
    rng = np.random.default_rng(2)
    ps = [difference_of(*rng.binomial(20, 0.1, (2, 60)), lengths, units, seed=k).p for k in range(40)]
    assert 0 <= sum(p < 0.05 for p in ps) <= 6
    assert 0.3 < float(np.mean(ps)) < 0.7


def test_without_anything_nothing_is_known() -> None:
    assert np.isnan(rate_of(np.zeros(3), np.zeros(3), np.arange(3)).value)


def test_draws_of_many_lines_are_not_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ones = np.ones(2000)
    whole = rate_of(ones, ones, np.arange(2000))
    monkeypatch.setattr(significance, "_AT_ONCE", 20_000)
    tracemalloc.start()
    parts = rate_of(ones, ones, np.arange(2000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert parts == whole
    assert peak < 2_000_000
