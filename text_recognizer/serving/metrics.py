"""What the server counts, for Prometheus."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable, fixed by prometheus-client, of the folder through which worker processes add up."""

_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_LINES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "text_recognizer_requests", "Requests answered.", ["route", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "text_recognizer_request_seconds",
            "Seconds from a request's first byte to its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.readings = Counter(
            "text_recognizer_readings",
            "Pictures and pages answered: read, or refused.",
            ["result"],
            registry=self._registry,
        )
        self.batch_lines = Histogram(
            "text_recognizer_batch_lines", "Lines read together.", buckets=_LINES, registry=self._registry
        )
        self.queue_lines = Gauge(
            "text_recognizer_queue_lines",
            "Lines that wait to be read.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )

    def text(self) -> bytes:
        """Everything counted, of all processes, in Prometheus' text format."""
        registry = self._registry
        if os.environ.get(MULTIPROCESS_FOLDER):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
