"""The page of a report."""

from collections.abc import Sequence

import numpy as np

from keras_gc._version import __version__
from keras_gc.reporting import figures, pictures, text
from keras_gc.reporting.elements import (
    card,
    escape,
    fractions,
    listed,
    section,
    table,
)
from keras_gc.reporting.facts import Example, Facts, InputMap
from keras_gc.reporting.pictures import over_channels

_MOST_ROWS = 40
_MOST_COLUMNS = 20


def report_body(facts: Facts) -> str:
    """Return what stands on the page of a report.

    Args:
        facts: what it says.

    Returns:
        HTML.
    """
    sections = [
        *_columns_of_sections(facts),
        _gallery("Largest norms", facts.largest, facts),
        _gallery("Smallest norms", facts.smallest, facts),
    ]
    return (
        f"<h1>{escape(facts.model_name)}</h1>"
        f'<p class="lead">Geometric complexity: how much the outputs move '
        f"with the inputs. {escape(text.how(facts))}</p>"
        + _cards(facts)
        + listed("warnings", "Warnings", facts.warnings)
        + f'<div class="grid">{"".join(sections)}</div>'
        + footer(facts.notes, facts.seconds)
    )


def footer(notes: Sequence[str], seconds: float) -> str:
    """Return the end of a page.

    Args:
        notes: what was left out.
        seconds: how long the measurements took.

    Returns:
        HTML.
    """
    return (
        f"<footer>{listed('notes', 'Notes', notes)}"
        f"<p>keras_gc {__version__}, measured in {seconds:.0f} s. "
        "GC is the mean over examples of the squared Frobenius norm of the "
        "Jacobian of the logits (Dherin et al. 2022, arXiv 2209.13083).</p>"
        "</footer>"
    )


def _cards(facts):
    value, *error = text.value_and_error(facts.gc)
    spread = "".join(f" <small>± {one}</small>" for one in error)
    cards = [
        card(
            value + spread,
            f"GC. {text.units(facts)}",
            main=True,
        ),
        card(
            text.number(facts.gc_per_deviation),
            "GC per standard deviation of each input: free of their unit",
        ),
    ]
    if facts.accuracy is not None:
        cards.append(card(f"{facts.accuracy:.1%}", "accuracy on them"))
    if facts.mean_squared_error is not None:
        value = text.number(facts.mean_squared_error)
        cards.append(card(value, "mean squared error on them"))
    if facts.margin_normalized_gc is not None:
        cards.append(
            card(
                text.number(facts.margin_normalized_gc),
                "GC / margin²: not changed by the scale of the logits",
            )
        )
    if facts.lipschitz_lower_bound is not None:
        cards.append(
            card(
                f"≥ {text.number(facts.lipschitz_lower_bound)}",
                "Lipschitz constant: largest gain seen",
            )
        )
    if facts.spectral_bound is not None:
        cards.append(
            card(
                f"≤ {text.number(facts.spectral_bound)}",
                "spectral bound: no input has a larger norm",
            )
        )
    return f'<div class="cards">{"".join(cards)}</div>'


def _distribution(facts):
    drawing = figures.svg(
        "distribution",
        lambda axes, palette: figures.distribution(axes, facts, palette),
        (5.6, 2.9),
    )
    share = _share_of_top(facts.norms)
    note = (
        f"The tenth of the examples with the largest norms makes up "
        f"{share:.0%} of GC."
        if share == share
        else ""
    )
    return section("Over the examples", drawing, note)


def _share_of_top(norms):
    norms = np.sort(norms[np.isfinite(norms)])
    if len(norms) < 10 or not norms.any():
        return float("nan")
    return float(norms[-(len(norms) // 10) :].sum() / norms.sum())


def _input(one: InputMap, facts: Facts) -> str:
    title = "Over the inputs"
    if len(facts.inputs) > 1:
        title += f": {one.name}"
    if one.kind == "image":
        top = text.number(float(over_channels(one.squares).max()))
        body = (
            f'<div class="heat">{pictures.heat_map(one)}'
            f'<div class="scale">0<i></i>{top}</div></div>'
        )
        note = "Mean squared derivative of each pixel; they sum up to GC."
        return section(title, body, note)
    if one.kind == "sequence":
        body = figures.svg(
            one.name,
            lambda axes, palette: figures.inputs(axes, one, palette),
            (4.2, 2.9),
        )
        note = "Mean squared derivative of each step; they sum up to GC."
        return section(title, body, note)
    return section(title, _columns(one), _COLUMNS_NOTE)


_COLUMNS_NOTE = (
    "Bars: share of GC per standard deviation, which compares columns of "
    "different units. Numbers: mean squared derivative, per squared unit."
)


def _columns(one):
    standardized = (one.squares * one.deviations**2).ravel()
    order = np.argsort(-standardized, kind="stable")[:_MOST_COLUMNS]
    bars = fractions(standardized[order].tolist())
    rows = [
        (one.columns[j], bar, text.number(float(one.squares.ravel()[j])))
        for j, bar in zip(order, bars, strict=True)
    ]
    left = len(standardized) - len(rows)
    rest = f'<p class="note">and {left:,} more</p>' if left else ""
    return table(("input", "", "derivative²"), rows) + rest


def _columns_of_sections(facts):
    """Return what stands side by side above the examples."""
    by_class = [g for g in facts.groups if g.kind == "class"][:_MOST_ROWS]
    others = [g for g in facts.groups if g.kind != "class"]
    what = "Right and wrong" if facts.task == "classes" else "By squared error"
    left = [_distribution(facts), _layers(facts)]
    left.append(_groups(what, others, "predictions") if others else "")
    right = [_input(one, facts) for one in facts.inputs[:_MOST_ROWS]]
    right.append(_groups("By class", by_class, "class") if by_class else "")
    for width, sections in ((7, left), (5, right)):
        yield f'<div class="column w{width}">{"".join(sections)}</div>'


def _groups(title, groups, heading):
    bars = fractions([g.gc.value for g in groups])
    has_accuracy = any(g.accuracy is not None for g in groups)
    rows = []
    for group, bar in zip(groups, bars, strict=True):
        row = [group.name, bar, text.mean(group.gc)]
        row.append(f"{group.gc.num_examples:,}")
        if has_accuracy:
            row.append(f"{group.accuracy:.1%}")
        rows.append(row)
    headings = [heading, "", "GC", "examples"]
    headings += ["accuracy"] if has_accuracy else []
    return section(title, table(headings, rows))


def _layers(facts):
    if not facts.layers:
        return ""
    bars = fractions([layer.gc.value for layer in facts.layers])
    has_shares = any(layer.share is not None for layer in facts.layers)
    rows = []
    for layer, bar in zip(facts.layers, bars, strict=True):
        share = "–" if layer.share is None else f"{layer.share:.0%}"
        rows.append((
            layer.name,
            layer.kind,
            text.shape(layer.output_shape),
            bar,
            text.mean(layer.gc),
            *((share,) if has_shares else ()),
        ))
    headings = ["layer", "", "output", "", "GC of its output"]
    note = "How much the output of each layer moves with the inputs."
    if has_shares:
        headings.append("share")
        note += (
            " Share: of the sum in the transfer theorem, by which pressure on "
            "a layer's weight gradients presses on GC."
        )
    if facts.embedding is not None:
        note += f" Embedding GC is that of {facts.embedding}."
    return section("By layer", table(headings, rows), note)


def _gallery(title: str, examples: tuple[Example, ...], facts: Facts) -> str:
    if not examples:
        return ""
    figures_ = [_figure(example, facts) for example in examples]
    wide = "" if any("<img" in f for f in figures_) else " wide"
    note = f"{len(examples)} of {len(facts.norms):,} measured examples."
    if any(example.is_right is False for example in examples):
        note += " ✗ marks a wrong prediction: label → prediction."
    if facts.ranking is not None:
        note += (
            f" Norms are estimates: two halves of the projections agree on "
            f"the order by {text.number(facts.ranking)} (Spearman)."
        )
    body = f'<div class="gallery{wide}">{"".join(figures_)}</div>'
    return section(title, body, note)


def _figure(example, facts):
    picture = pictures.example_picture(example.x, facts)
    lines = [f"<b>{text.number(example.norm)}</b>"]
    label, guess = escape(example.label), escape(example.prediction)
    if example.is_right is False:
        lines.append(f'<span class="bad">✗ {label} → {guess}</span>')
    elif example.is_right:
        lines.append(f'<span class="good">✓</span> {label}')
    elif label and guess:
        lines.append(f"{label} → {guess}")
    else:
        lines.append(label or guess)
    caption = " ".join(line for line in lines if line)
    return (
        f'<figure title="example {example.index}">{picture}'
        f"<figcaption>{caption}</figcaption></figure>"
    )
