"""An evaluation as one HTML file that stands alone: no script, no address, its pictures within."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

import cv2
import numpy as np

from text_recognizer.errors import UserError, attempt, counted
from text_recognizer.evaluation.evaluate import Evaluation, Rates, Result
from text_recognizer.evaluation.measures import marked
from text_recognizer.evaluation.reliability import Bin, Kept, calibration_error
from text_recognizer.evaluation.significance import LEVEL

_COLOURS = ("#2a6fb0", "#c2571a", "#3a8a3f", "#8a3a87", "#8a7a1f", "#555")
_PICTURE = (64, 1400)
"""Most rows and columns of a picture of a line."""
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;margin:.6rem 0}td,th{padding:.15rem .7rem;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}small,.ci{color:#666;font-size:85%}
.text{font:16px/1.6 ui-monospace,monospace;white-space:pre-wrap;margin:0}img{max-width:100%;border:1px solid #ddd}
del{background:#ffd7d2;text-decoration:line-through}ins{background:#cfeccd;text-decoration:none}
section{margin:1.2rem 0}figure{display:inline-block;margin:.5rem 1rem .5rem 0}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}td,th{border-color:#444}img{background:#fff}
del{background:#6d2a22}ins{background:#25532a}svg{background:#fff}}
"""


def html(evaluation: Evaluation, faults: Sequence[str], *, title: str, worst: int) -> str:
    """The page.

    Args:
        evaluation: What it shows.
        faults: What was left out, sentence by sentence.
        title: Its heading.
        worst: So many of the lines with most errors of the first reader are shown with their pictures.
    """
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{counted(len(evaluation.lines), 'line')}, {counted(sum(map(len, evaluation.texts)), 'character')}. "
        f"Unicode: {evaluation.form}; white space: single spaces. An error is a code point or a word that is inserted, "
        f"deleted or replaced. In brackets {LEVEL:.0%} intervals of a bootstrap of {evaluation.drawn}.</p>",
        _faults(faults),
        *(_section(result, evaluation.group) for result in evaluation.results),
        _differences(evaluation),
        _curves(evaluation),
        _worst(evaluation, worst),
    ]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _faults(faults: Sequence[str]) -> str:
    if not faults:
        return ""
    items = "".join(f"<li>{escape(fault)}</li>" for fault in faults)
    summary = "What was left out or read otherwise than it stands"
    return f"<details open><summary>{summary}</summary><ul>{items}</ul></details>"


def _table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already."""
    head = "".join(f"<th>{cell}</th>" for cell in heading)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _rates(name: str, rates: Rates) -> list[str]:
    intervals = (rates.cer, rates.wer, rates.exact)
    cells = [f'{one.value:.4f} <span class="ci">[{one.low:.4f}, {one.high:.4f}]</span>' for one in intervals]
    return [escape(name), f"{rates.lines:,}", *cells]


def _section(result: Result, group: str | None) -> str:
    heading = ("", "lines", "character error rate", "word error rate", "exact lines")
    parts = [_table(heading, [_rates(variant, rates) for variant, rates in result.rates.items()])]
    if result.groups:
        rows = [_rates(value or "(none)", rates) for value, rates in result.groups.items()]
        parts.append(f"<h3>By {escape(group or '')}</h3>{_table(heading, rows)}")
    if result.confusions:
        rows = [[_shown(true), _shown(read), f"{count:,}"] for true, read, count in result.confusions]
        confused = _table(("true", "read", "times"), rows)
        parts.append(f"<details><summary>Confusions</summary>{confused}</details>")
    return f"<section><h2>{escape(result.name)}</h2>{''.join(parts)}</section>"


def _shown(character: str) -> str:
    return f"<code>{escape(character)}</code>" if character.strip() else "space" if character else "nothing"


def _differences(evaluation: Evaluation) -> str:
    rows = [
        [
            f"{escape(evaluation.results[b].name)} less {escape(evaluation.results[a].name)}",
            escape(str(found.rate)),
            f"{found.p:.4f}",
        ]
        for (a, b), found in evaluation.differences.items()
    ]
    if not rows:
        return ""
    heading = ("difference of the character error rates", "with its interval", "p, permutation test")
    return f"<section><h2>Is the difference real?</h2>{_table(heading, rows)}</section>"


def _curves(evaluation: Evaluation) -> str:
    with_confidences = [
        (result.name, result.reliability) for result in evaluation.results if result.reliability is not None
    ]
    if not with_confidences:
        return ""
    kept = {name: [(one.share, one.cer) for one in reliability.kept] for name, reliability in with_confidences}
    right = {name: [(one.confidence, one.right) for one in reliability.lines] for name, reliability in with_confidences}
    top = max(cer for points in kept.values() for _, cer in points)
    figures = _plot("share of the lines kept, the surest", "character error rate", kept, top)
    figures += _plot("confidence of lines", "share that is right", right, 1.0, diagonal=True)
    tables = "".join(
        f"<details><summary>{escape(name)}</summary>{_kept(reliability.kept)}{_bins(reliability.lines)}</details>"
        for name, reliability in with_confidences
    )
    return f"<section><h2>Confidences</h2>{figures}{tables}</section>"


def _kept(kept: Sequence[Kept]) -> str:
    rows = [[f"{one.share:.0%}", f"{one.threshold:.3f}", f"{one.cer:.4f}", f"{one.exact:.3f}"] for one in kept]
    return _table(("lines kept", "least confidence", "character error rate", "exact lines"), rows)


def _bins(bins: Sequence[Bin]) -> str:
    rows = [[f"{one.count:,}", f"{one.confidence:.3f}", f"{one.right:.3f}"] for one in bins]
    return _table(("lines", "confidence", "right"), rows) + f"<p>Off by {calibration_error(bins):.4f} on average.</p>"


def _plot(
    across: str, upwards: str, curves: dict[str, list[tuple[float, float]]], top: float, *, diagonal: bool = False
) -> str:
    """Curves over 0 to 1, as SVG."""
    top = top or 1.0
    width, height, left, bottom = 420, 260, 52, 42
    parts = [f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" font-size="12">']

    def at(x: float, y: float) -> str:
        return f"{left + x * (width - left - 12):.1f},{height - bottom - y / top * (height - bottom - 12):.1f}"

    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = at(share, 0).split(",")[0], at(0, share * top).split(",")[1]
        parts.append(f'<text x="{x}" y="{height - bottom + 16}" text-anchor="middle">{share:g}</text>')
        parts.append(f'<text x="{left - 6}" y="{y}" text-anchor="end" dy="4">{share * top:.3g}</text>')
        parts.append(f'<polyline points="{at(0, share * top)} {at(1, share * top)}" stroke="#e4e4e4" fill="none"/>')
    if diagonal:
        parts.append(f'<polyline points="{at(0, 0)} {at(1, top)}" stroke="#999" stroke-dasharray="4" fill="none"/>')
    for number, points in enumerate(curves.values()):
        line = " ".join(at(*point) for point in points)
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(f'<polyline points="{line}" stroke="{colour}" stroke-width="2" fill="none"/>')
    parts.append(f'<text x="{(left + width) / 2}" y="{height - 8}" text-anchor="middle">{escape(across)}</text></svg>')
    names = ", ".join(
        f'<span style="color:{_COLOURS[k % len(_COLOURS)]}">{escape(name)}</span>' for k, name in enumerate(curves)
    )
    return f"<figure>{''.join(parts)}<figcaption>{escape(upwards)}: {names}</figcaption></figure>"


def _worst(evaluation: Evaluation, count: int) -> str:
    """The lines with most errors of the first reader, each with what every reader makes of it."""
    edits = evaluation.results[0].edits
    order = [int(k) for k in np.argsort(-edits, kind="stable")[:count] if edits[k]]
    if not order:
        return ""
    lines = [_line(evaluation, number) for number in order]
    name = escape(evaluation.results[0].name)
    return f"<section><h2>Lines with most errors of {name}</h2>{''.join(lines)}</section>"


def _line(evaluation: Evaluation, number: int) -> str:
    line, text = evaluation.lines[number], evaluation.texts[number]
    picture = attempt(line.name, line.load)
    shown = escape(str(picture)) if isinstance(picture, UserError) else f'<img src="{_data(picture)}" alt="">'
    rows = "".join(
        f'<p class="text">{difference(result.texts[number], text)} '
        f"<small>{escape(result.name)}: {result.edits[number]} errors</small></p>"
        for result in evaluation.results
    )
    return f"<section>{shown}<br><small>{escape(line.name)}</small>{rows}</section>"


def difference(found: str, text: str) -> str:
    """A text as HTML, what was not read struck out and what was read instead inserted."""
    parts = []
    for tag, true, read in marked(found, text):
        parts.append(escape(true) if tag == "equal" else "")
        parts += [f"<del>{escape(true)}</del>"] if tag in ("replace", "delete") else []
        parts += [f"<ins>{escape(read)}</ins>"] if tag in ("replace", "insert") else []
    return "".join(parts)


def _data(picture: np.ndarray) -> str:
    """A picture as a data address, no larger than ``_PICTURE``."""
    height, width = picture.shape
    scale = min(1.0, _PICTURE[0] / height, _PICTURE[1] / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    return "data:image/png;base64," + base64.b64encode(cv2.imencode(".png", small)[1].tobytes()).decode()
