"""The log: one JSON object per line on standard error."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from text_recognizer.imaging.library_output import pass_on

_log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level and event, and the fields that it carries."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


class ToStandardError(logging.Handler):
    """Prints records on what is standard error at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


def log_what_libraries_print() -> None:
    """From now on, what libraries in C print on standard error is logged, a warning a line, in this process."""
    pass_on(lambda line, _: _log.warning("library", extra={"fields": {"said": line}}))


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonFormatter}},
    "handlers": {"stderr": {"()": ToStandardError, "formatter": "json"}},
    "loggers": {
        "text_recognizer.serving": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
"""For ``logging.config.dictConfig``."""
