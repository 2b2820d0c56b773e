"""Work on ranges of a batch on all cores, in threads: compiled kernels release the interpreter's lock."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TypeVar

from text_recognizer.processors import usable_cores

Result = TypeVar("Result")


def over_ranges(work: Callable[[int, int], Result], count: int, parallel: bool | None) -> list[Result]:
    """Results of ``work(first, last)`` on ranges that together are 0 to ``count``.

    Args:
        work: Called once per core, in threads.
        count: Size of the whole.
        parallel: Use all cores. If None, the main process does and worker processes do not.
    """
    if parallel is None:
        parallel = multiprocessing.parent_process() is None
    cores = usable_cores() if parallel else 1
    bounds = [count * i // cores for i in range(cores + 1)]
    others = [_threads().submit(work, *pair) for pair in pairwise(bounds[:-1])]
    return [work(*bounds[-2:]), *(other.result() for other in others)]


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="compose")
