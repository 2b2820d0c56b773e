"""Reading an archive on a cluster: Ray Data hands names to workers that hold a reader each, and brings their rows."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from text_recognizer.cluster import LOGS, causes, cluster, work_in
from text_recognizer.errors import UsageError, UserError
from text_recognizer.reading.archive.rows import Row
from text_recognizer.reading.archive.run import ReadRows

NAMES = 100_000
"""Names that are handed out at a time; more wait on the disk."""
BLOCK = 64
"""Names that a worker reads at a time, and reads again if it is lost."""
TRIES = 3
"""How often a worker that is lost begins a block again."""


def rows_on_cluster(make_reader: Callable[[], ReadRows], threads: int, address: str | None) -> ReadRows:
    """A way to read rows on a cluster.

    A picture whose worker ends each time, and no other, gets a row that says so.

    Args:
        make_reader: Makes the reader of a worker; it is called on its machine.
        threads: Cores that a worker takes. There are as many workers as cores allow.
        address: Of the cluster, as :func:`~text_recognizer.cluster.cluster` takes it.

    Raises:
        UsageError: If the cluster has fewer cores than a worker takes.
        UserError: If there is no cluster, or it gives no rows.
    """

    def read_rows(files: Iterator[str]) -> Iterator[list[Row]]:
        with cluster(address) as cores, causes():
            _quiet()
            if threads > cores:
                raise UsageError(f"--threads is {threads}, but the cluster has {cores} cores.")
            size = cores // threads
            while names := list(islice(files, NAMES)):
                lost = set(names)
                for rows in _read(names, BLOCK, make_reader, threads, size):
                    lost.difference_update(row["file"] for row in rows)
                    yield rows
                if len(lost) == len(names) > BLOCK:
                    raise UserError(f"No worker of the cluster gives rows. Its logs say why: {LOGS}")
                yield from _read_lost(sorted(lost), make_reader, threads, size)

    return read_rows


def _read_lost(
    names: Sequence[str], make_reader: Callable[[], ReadRows], threads: int, size: int
) -> Iterator[list[Row]]:
    """Read one by one what was lost with a block, and let none wait for a worker that another may end."""
    lost = set(names)
    for rows in _read(names, 1, make_reader, threads, size) if names else ():
        lost.difference_update(row["file"] for row in rows)
        yield rows
    if lost:
        yield [{"file": file, "error": f"{file}: the worker that reads this picture ends."} for file in sorted(lost)]


def _read(
    names: Sequence[str], block: int, make_reader: Callable[[], ReadRows], threads: int, size: int
) -> Iterator[list[Row]]:
    import pyarrow as pa
    import ray.data

    encoded = [os.fsencode(name) for name in names]
    blocks = [pa.table({"file": encoded[first : first + block]}) for first in range(0, len(encoded), block)]
    rows = ray.data.from_arrow(blocks).map_batches(
        Worker,
        fn_constructor_args=(make_reader, str(Path.cwd())),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=size, max_tasks_in_flight_per_actor=2 if block > 1 else 1),
        num_cpus=threads,
        ray_remote_args_fn=lambda: {"max_task_retries": TRIES},
    )
    for batch in rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        yield [json.loads(row) for row in batch["row"].to_pylist()]


class Worker:
    """A process of the cluster that holds a reader.

    Args:
        make_reader: Makes it.
        folder: Where the command was given.
    """

    def __init__(self, make_reader: Callable[[], ReadRows], folder: str) -> None:
        work_in(folder)
        self._read_rows = make_reader()

    def __call__(self, names: Any) -> Any:
        """Rows of names: Arrow tables with the columns ``row``, JSON, and ``file``, bytes."""
        import pyarrow as pa

        files = (os.fsdecode(name) for name in names["file"].to_pylist())
        return pa.table({"row": [json.dumps(row) for rows in self._read_rows(files) for row in rows]})


def _quiet() -> None:
    """Let Ray Data say nothing of its own, and give up a block rather than all."""
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="ray")
    warnings.filterwarnings("ignore", "`ray_remote_args_fn`")  # it goes with Ray 2.64; there is no other way to TRIES
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1
