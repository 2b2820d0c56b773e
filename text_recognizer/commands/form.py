"""``text-recognizer form``: photographed forms in, one row of texts a form out."""

from __future__ import annotations

import csv
import sys
from itertools import chain
from pathlib import Path
from typing import Any

from text_recognizer.documents.forms.reader import FormReader, ReadForm
from text_recognizer.documents.forms.template import START, Template, columns_of
from text_recognizer.errors import UsageError, check_pyarrow, printable
from text_recognizer.files import check_can_be_written, replacing
from text_recognizer.imaging.library_output import told_to_the_user
from text_recognizer.imaging.pages import WITH_PAGES
from text_recognizer.reading.archive.addresses import is_address
from text_recognizer.reading.archive.listing import Listing
from text_recognizer.reading.recognizer import Decoder, TextRecognizer


def form(
    template: str,
    pages: list[str],
    *,
    out: str | None = None,
    look_below: float = 0.8,
    model: str | None = None,
    decoder: Decoder = "beam",
) -> int:
    """Read the fields of photographed or scanned forms into a table with one row per form.

    Args:
        template: A JSON file that names a picture or PDF of the empty form, and its fields: name, box, and allowed
            content.
        pages: Pictures and PDFs of filled-in forms, folders of them, or glob patterns.
        out: A .csv or .parquet file to write; by default the table is printed.
        look_below: The column ``look`` names the fields whose confidence is below this, including empty fields.
        model: An ONNX file made by ``text-recognizer export``; by default the model that ships with the package.
        decoder: ``beam`` uses a language model where the picture is ambiguous; ``greedy`` does not.

    Returns:
        0 if all forms were read, 1 if any was not; its row says why.

    Raises:
        UsageError: If a number is out of its range, the output is of another kind, or a form is at an address.
        UserError: If the template, the model or the output cannot be used.
    """
    if not 0 <= look_below <= 1:
        raise UsageError(f"--look_below is {look_below}, but must be from 0 to 1.")
    if any(map(is_address, pages)):
        raise UsageError("Forms are read from this machine alone. Copy them here, or mount what they are in.")
    if out is not None:
        _check_output(out)
    with told_to_the_user():
        known = Template(Path(template))
        reader = FormReader(TextRecognizer(model, decoder), known)
        files = [one.file for one in Listing(pages, WITH_PAGES, False, ordered=True)]
        rows = [_row(one, look_below) for one in reader.read(files)]
    _write(rows, [columns_of(field.name) for field in known.fields], out)
    for row in rows:
        if row["error"]:
            print(f"error: {row['error']}", file=sys.stderr)
    return int(any(row["error"] for row in rows))


def _check_output(out: str) -> None:
    if Path(out).suffix not in (".csv", ".parquet"):
        raise UsageError(f"--out is {out!r}, but must end in .csv or .parquet.")
    if out.endswith(".parquet"):
        check_pyarrow("--out as .parquet", "a .csv file")
    check_can_be_written(out)


def _row(form: ReadForm, look_below: float) -> dict[str, Any]:
    look = [name for name, reading in form.readings.items() if reading.confidence < look_below]
    row: dict[str, Any] = {"file": printable(form.file), "page": form.page, "look": " ".join(look)}
    row["error"] = str(form.error or "")
    for name, reading in form.readings.items():
        text, confidence = columns_of(name)
        row |= {text: reading.text, confidence: round(reading.confidence, 4)}
    return row


def _write(rows: list[dict[str, Any]], fields: list[tuple[str, str]], out: str | None) -> None:
    columns = [*START, *chain.from_iterable(fields)]
    if out is None:
        _write_csv(rows, columns, sys.stdout)
        return
    with replacing(out) as temporary:
        if out.endswith(".csv"):
            with temporary.open("w", encoding="utf-8", newline="") as file:
                _write_csv(rows, columns, file)
        else:
            _write_parquet(rows, columns, [confidence for _, confidence in fields], temporary)


def _write_csv(rows: list[dict[str, Any]], columns: list[str], file: Any) -> None:
    table = csv.DictWriter(file, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)


def _write_parquet(rows: list[dict[str, Any]], columns: list[str], confidences: list[str], file: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    kinds = {"page": pyarrow.int64()} | dict.fromkeys(confidences, pyarrow.float64())
    schema = pyarrow.schema((name, kinds.get(name, pyarrow.string())) for name in columns)
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema), file)
