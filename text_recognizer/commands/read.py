"""``text-recognizer read``: pictures and documents in, their text out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from text_recognizer.cluster import Engine, check_engine
from text_recognizer.documents.formats import Format, check_alternatives, check_tables
from text_recognizer.documents.layout import ReadPage
from text_recognizer.documents.output import Output, archive_row
from text_recognizer.documents.reader import AT_ONCE, DocumentReader, Layout
from text_recognizer.errors import UsageError, UserError, attempt, counted
from text_recognizer.evaluation.suggestions import most_doubted
from text_recognizer.files import check_not_read
from text_recognizer.imaging.library_output import told_to_the_user
from text_recognizer.imaging.pages import RESOLUTION, WITH_PAGES, check_resolution, page_numbers
from text_recognizer.reading.archive.addresses import check_addresses, picture_at
from text_recognizer.reading.archive.cluster import rows_on_cluster
from text_recognizer.reading.archive.listing import Found, Listing, Shard
from text_recognizer.reading.archive.rows import Row, open_rows
from text_recognizer.reading.archive.run import ReadRows, read_archive, skipped
from text_recognizer.reading.recognizer import Decoder, TextRecognizer


def read(
    pictures: list[str],
    *,
    format: Format | None = None,
    json: bool = False,
    lines: bool = False,
    line: bool = False,
    pages: str | None = None,
    resolution: int = RESOLUTION,
    alternatives: int = 0,
    tables: bool = False,
    reject_below: float = 0.0,
    suggest: int | None = None,
    allow: str | None = None,
    pattern: str | None = None,
    words: str | None = None,
    date: bool = False,
    language: str | None = None,
    verbose: bool = False,
    model: str | None = None,
    hand: str | None = None,
    decoder: Decoder = "beam",
    threads: int = 2,
    out: str | None = None,
    recursive: bool = False,
    resume: bool = False,
    shard: str = "1/1",
    engine: Engine = "here",
    address: str | None = None,
) -> int:
    """Read pictures and documents of handwriting and print their text; with several files, after the name of each.

    Args:
        pictures: Picture files, PDFs, folders of them, glob patterns, text files (.txt) with one file name per line,
            addresses such as ``s3://bucket/folder``, or ``-`` for standard input.
        format: Output format: plain text, the default; JSON or JSON lines, with the positions of lines, words and
            characters; tables of lines; the layout formats hOCR, ALTO 4 and PAGE 2019; or a searchable PDF.
        json: Print one JSON object per picture, each on its own line: file, text, confidence and characters, or file
            and error.
        lines: Each picture is a page or paragraph: split it into lines and read them in order. By default, the program
            decides for each picture.
        line: Each picture is one line.
        pages: Pages to read of each PDF or TIFF, such as ``2-5,8``; by default all.
        resolution: Dots per inch at which PDFs are rendered.
        alternatives: Number of other readings to give for each line and character, with their probabilities.
        tables: With csv or tsv: write tables with ruled lines, a row for each of their rows, and nothing else.
        reject_below: Reject pictures whose confidence, the expected share of right characters, is below this.
        suggest: With line: give only this number of lines, those whose correction teaches a reader most, these first.
        allow: The only characters that lines may contain, such as ``0-9.,``.
        pattern: A regular expression that each line matches as a whole, such as ``[A-Z]{2}-[0-9]{4}``.
        words: A text file with one entry per row; each line is one of these entries.
        date: Each line is a date: 2024-05-17, 17.5.2024, 5/17/24, 17 May 2024, May 17, 2024.
        language: A text file of your language or subject, on which the beam's language model is built; by default it
            knows English.
        verbose: Tell on standard error how each picture was read.
        model: An ONNX file made by ``text-recognizer export``; by default the model that ships with the package.
        hand: Read with the hand of this name (``text-recognizer hand learn``) instead.
        decoder: ``beam`` uses a language model where the picture is ambiguous; ``greedy`` does not.
        threads: Number of batches of lines that are read at the same time.
        out: With format: a file to write instead of standard output, or a folder (it exists, or its name ends in ``/``)
            for one file per input file. Without format: write a row per file here as soon as it is read: a .jsonl file,
            or a folder of Parquet files whose name ends in .parquet.
        recursive: Include subfolders.
        resume: With out, without format: continue an earlier run; files that have a row are not read again.
        shard: With out, without format: read one part of all files, such as 3/16.
        engine: With out, without format: read in this process (here), or with ray on all cores of this machine or a
            cluster; each worker takes as many cores as there are threads.
        address: With ray: the cluster, as ``ray start`` prints it, or auto; by default only this machine.

    Returns:
        0 if all pictures were read, 1 if any failed or was rejected. Standard error names what is skipped or doubtful.

    Raises:
        UsageError: If no picture is given, there is no such decoder, there are fewer than 1 threads, both a model and a
            hand are given, a number is out of its range, what lines are to say cannot be followed, a format cannot go
            where it is to go, an address is of an unknown kind, or Ray is not installed.
        UserError: If the model cannot be loaded, or there is no such hand, the output cannot be written, an address
            cannot be reached, or there is no such cluster.
    """
    _check_pictures(pictures)
    if model is not None and hand is not None:
        raise UsageError("Both --model and --hand are given, but one reader reads. Leave one out.")
    if not 0 <= reject_below <= 1:
        raise UsageError(f"--reject_below is {reject_below}, but must be from 0 to 1.")
    _check_output(format, out, json)
    if out is None or format:
        _check_here(resume, shard, engine)
    _check_suggest(suggest, line, format, out)
    check_engine(engine, address)
    check_alternatives(alternatives)
    check_tables(tables, format)
    check_resolution(resolution)
    reading = {"decoder": decoder, "threads": threads, "alternatives": alternatives}
    known = {"language": language, "allow": allow, "pattern": pattern, "words": words, "date": date}
    looking = {"layout": _layout(line, lines), "numbers": page_numbers(pages), "resolution": resolution}
    make_reader = partial(_reader, model if hand is None else _file_of_hand(hand), reading | known, looking)
    reader = make_reader()
    if out is not None and format is None:
        read_rows = _rows(reader, reject_below)
        if engine == "ray":
            read_rows = rows_on_cluster(partial(_making_rows, make_reader, reject_below), threads, address)
        return _write_rows(Listing(pictures, WITH_PAGES, recursive, Shard.parse(shard)), read_rows, Path(out), resume)
    listing = Listing(pictures, WITH_PAGES, recursive, ordered=True)
    files = list(listing)
    check_not_read("--out", out, [*(one.file for one in files), *pictures, *filter(None, (words, language, model))])
    output = Output(None if json else format or "text", out, alternatives, named=len(files) > 1, tables=tables)
    if left_out := skipped(listing):
        print(left_out, file=sys.stderr)
    return _write(reader, files, output, reject_below, suggest, verbose)


def _file_of_hand(name: str) -> Path:
    from text_recognizer.hand.store import hand_path  # slow to import

    return hand_path(name)


def _reader(model: str | Path | None, reading: dict[str, Any], looking: dict[str, Any]) -> DocumentReader:
    """A reader with a model, or with that of a hand's file (a path), on whichever machine."""
    if not isinstance(model, Path):
        return DocumentReader(TextRecognizer(model, **reading), **looking)
    from text_recognizer.hand.file import model_of  # slow to import

    return DocumentReader(TextRecognizer(model_of(model), **reading), **looking)


def _picture(file: str) -> str | bytes | UserError:
    return attempt(file, lambda: picture_at(file))


@told_to_the_user()
def _write(
    reader: DocumentReader, files: list[Found], output: Output, least: float, suggest: int | None, verbose: bool
) -> int:
    """Read files into an output; what is wrong or doubtful is said on standard error."""
    failed = False
    read: list[ReadPage] = []
    for page in _progress(reader.read((one.file, one.error or _picture(one.file)) for one in files), len(files)):
        _reject(page, least)
        failed |= page.error is not None
        _tell(page, verbose, errors=suggest is not None or not output.takes_errors)
        if suggest is not None and page.error is None:
            page.grey = None
            read.append(page)
        elif suggest is None and (page.error is None or output.takes_errors):
            output.add(page)
        print(end="", flush=True)
    for number in most_doubted([line for page in read for line in page.readings], suggest or 0):
        output.add(read[number])
    output.close()
    return int(failed)


def _making_rows(make_reader: Callable[[], DocumentReader], least: float) -> ReadRows:
    return _rows(make_reader(), least)


def _rows(reader: DocumentReader, least: float) -> ReadRows:
    """The rows of files that a reader reads; pages of less confidence are rejected."""

    def read_rows(files: Iterator[str]) -> Iterator[list[Row]]:
        pages = (page for group in reader.read((file, _picture(file)) for file in files) for page in group)
        for _, of_file in groupby(pages, key=lambda page: page.file):
            whole = list(of_file)
            for page in whole:
                _reject(page, least)
            yield [archive_row(whole)]

    return read_rows


@told_to_the_user()
def _write_rows(listing: Listing, read_rows: ReadRows, out: Path, resume: bool) -> int:
    """Read an archive into a file of rows."""
    out = listing.shard.of(out)
    with open_rows(out, resume=resume) as rows:
        tally = read_archive(listing, read_rows, rows)
    print(f"{out}: {tally}. {skipped(listing) or ''}".strip(), file=sys.stderr)
    return int(tally.failed > 0)


def _layout(line: bool, lines: bool) -> Layout:
    if line and lines:
        raise UsageError("Both --line and --lines are given, but a picture is one or the other. Leave one out.")
    return "line" if line else "page" if lines else "auto"


def _check_pictures(pictures: list[str]) -> None:
    if not pictures:
        raise UsageError("No picture given. Try: text-recognizer read line.png")
    check_addresses(pictures)


def _check_here(resume: bool, shard: str, engine: Engine) -> None:
    if resume or shard != "1/1" or engine != "here":
        raise UsageError(
            "--resume, --shard and --engine need --out, which takes the rows, without --format: --out rows.jsonl"
        )


def _check_suggest(suggest: int | None, line: bool, format: Format | None, out: str | None) -> None:
    if suggest is None:
        return
    if suggest < 1:
        raise UsageError(f"--suggest is {suggest}, but must be at least 1.")
    if not line or format == "pdf" or (format is None and out is not None):
        raise UsageError(
            "--suggest chooses among pictures of lines to correct: give --line and a --format other than pdf."
        )


def _check_output(format: Format | None, out: str | None, json: bool) -> None:
    if json and format is not None:
        raise UsageError("--json is the older form of --format=jsonl, and both are given. Leave one out.")
    if format == "pdf" and out is None and sys.stdout.isatty():
        raise UsageError("A PDF is no text to look at here. Write it to a file: --out read.pdf")


def _reject(page: ReadPage, least: float) -> None:
    if not page.error and page.written and page.confidence < least:
        page.error = UserError(f"{page.name}: rejected: its confidence is {page.confidence:.2f}, below {least:g}.")


def _tell(page: ReadPage, verbose: bool, errors: bool) -> None:
    """What is to be said of a page on standard error."""
    for doubt in page.doubts:
        print(f"{page.name}: {doubt}", file=sys.stderr)
    if page.error:
        if errors:
            print(f"error: {page.error}", file=sys.stderr)
    elif verbose:
        read_as = "one line" if page.kind == "line" else f"a page of {counted(len(page.readings), 'line')}"
        print(f"{page.name}: read as {read_as}, confidence {page.confidence:.2f}.", file=sys.stderr)


def _progress(groups: Iterator[list[ReadPage]], total: int) -> Iterator[ReadPage]:
    """A progress bar on standard error, if someone looks at it and there is much to read."""
    if total <= AT_ONCE or not sys.stderr.isatty():
        for group in groups:
            yield from group
        return
    from tqdm import tqdm

    with tqdm(total=total, unit="picture") as bar:
        for group in groups:
            bar.clear()
            yield from group
            bar.update(sum(page.number == page.count for page in group))
