"""The pieces that pages are put together from."""

import html
from collections.abc import Iterable, Sequence
from typing import Any

from keras_gc.reporting.stylesheet import STYLE

_NUMBERS_BEGIN_WITH = "0123456789-–∞"


def escape(text: Any) -> str:
    """Return text that HTML shows as it is.

    Args:
        text: anything.

    Returns:
        Text.
    """
    return html.escape(str(text))


def whole(body: str, title: str) -> str:
    """Return a page that needs nothing but itself.

    Args:
        body: what is in it.
        title: its title.

    Returns:
        HTML.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, '
        'initial-scale=1">\n'
        f"<title>{escape(title)}: geometric complexity</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        "</body>\n</html>\n"
    )


def embedded(page: str) -> str:
    """Return a page within a notebook, whose styles it must not touch.

    Args:
        page: HTML of the whole page.

    Returns:
        An `<iframe>`.
    """
    return (
        f'<iframe srcdoc="{escape(page)}" title="geometric complexity" '
        'style="width: 100%; height: 640px; border: 0"></iframe>'
    )


def section(title: str, body: str, note: str = "") -> str:
    """Return a box with a title.

    Args:
        title: its title.
        body: HTML.
        note: a sentence under the title.

    Returns:
        HTML.
    """
    note = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{note}{body}</section>"


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table. A float from 0 to 1 is drawn as a bar.

    Args:
        headings: of the columns.
        rows: their cells.

    Returns:
        HTML.
    """
    rows = [[_cell(cell, n) for n, cell in enumerate(row)] for row in rows]
    first = rows[0] if rows else [""] * len(headings)
    head = "".join(
        f"<th{' class=n' if 'class=n' in cell else ''}>{escape(heading)}</th>"
        for heading, cell in zip(headings, first, strict=True)
    )
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(value, place):
    if isinstance(value, float):
        percent = 100 * min(max(value, 0.0), 1.0)
        return f'<td class="bar"><i style="width:{percent:.1f}%"></i></td>'
    is_number = place > 0 and str(value)[:1] in _NUMBERS_BEGIN_WITH
    kind = " class=n" if is_number else ""
    return f"<td{kind}>{escape(value)}</td>"


def card(value: str, meaning: str, main: bool = False) -> str:
    """Return one number and what it means.

    Args:
        value: HTML.
        meaning: a few words.
        main: whether it is the number that the page is about.

    Returns:
        HTML.
    """
    kind = "card main" if main else "card"
    meaning = f"<span>{escape(meaning)}</span>"
    return f'<div class="{kind}"><b>{value}</b>{meaning}</div>'


def listed(kind: str, title: str, sentences: Sequence[str]) -> str:
    """Return sentences as a list, nothing where there are none.

    Args:
        kind: class of the box.
        title: what they are.
        sentences: the sentences.

    Returns:
        HTML.
    """
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(s)}</li>" for s in sentences)
    return f'<div class="{kind}"><b>{escape(title)}</b><ul>{items}</ul></div>'


def fractions(values: Sequence[float]) -> list[float]:
    """Return values over the largest of them, for bars.

    Args:
        values: numbers; NaN counts as 0.

    Returns:
        Floats from 0 to 1.
    """
    known = [value if value == value else 0.0 for value in values]
    top = max(known, default=0.0)
    return [float(value / top) if top > 0 else 0.0 for value in known]
