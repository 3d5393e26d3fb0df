"""Numbers and sentences that all drawings share; a report in a few lines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from keras_gc.reporting.facts import Facts, Mean

if TYPE_CHECKING:  # it draws itself with what is here
    from keras_gc.reporting.comparison import Comparison


def number(value: float | None) -> str:
    """Return a number as people write it: three digits, no needless e.

    Args:
        value: the number; None is unknown.

    Returns:
        Text.
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    if value == round(value) and abs(value) < 1e6:
        return f"{value:,.0f}"
    if 1e-3 <= abs(value) < 1e6:
        digits = max(0, 2 - math.floor(math.log10(abs(value))))
        return f"{value:,.{digits}f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    power = str(int(exponent)).translate(_SUPERSCRIPTS)
    return f"{mantissa} × 10{power}"


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def mean(value: Mean) -> str:
    """Return a mean with its standard error.

    Args:
        value: the mean.

    Returns:
        Text.
    """
    return " ± ".join(value_and_error(value))


def value_and_error(value: Mean) -> list[str]:
    """Return a mean and its standard error with the same decimals.

    Args:
        value: the mean.

    Returns:
        Two texts; one where the error is unknown.
    """
    error = value.standard_error
    if math.isnan(error):
        return [number(value.value)]
    if error == 0 or abs(value.value) < 1e-3 or error < 1e-6:
        return [number(value.value), number(error)]
    digits = 1 - math.floor(math.log10(error))  # two of the error
    return [
        f"{round(one, digits):,.{max(0, digits)}f}"
        for one in (value.value, error)
    ]


def shape(sizes: tuple[int, ...]) -> str:
    """Return a shape as `28 × 28 × 1`.

    Args:
        sizes: of each axis.

    Returns:
        Text.
    """
    return " × ".join(map(str, sizes))


def how(facts: Facts) -> str:
    """Say how the values were measured.

    Args:
        facts: of a report.

    Returns:
        A few sentences.
    """
    measured = f"{facts.gc.num_examples:,}"
    of = facts.num_available
    whole = "" if of is None or of == facts.gc.num_examples else f" of {of:,}"
    if facts.estimator == "exact":
        values = "The value of each example is exact."
    else:
        values = (
            f"The value of each example is an unbiased estimate "
            f"({facts.estimator}). Two independent halves rank the examples "
            f"with a correlation of {number(facts.ranking)} (Spearman): "
            "that is how far to trust their order."
        )
    start = facts.measured_from
    stop = facts.measured_to
    return (
        f"Measured on {measured}{whole} examples, from "
        f"{'the inputs' if start is None else f'the output of {start}'} "
        f"({facts.num_inputs:,} numbers) to "
        f"{'the logits' if stop is None else f'the output of {stop}'} "
        f"({facts.num_outputs:,}). {values}"
    )


def units(facts: Facts) -> str:
    """Say what the number depends on.

    Args:
        facts: of a report.

    Returns:
        A sentence or two.
    """
    low, high = map(number, facts.input_range)
    return (
        f"In (logit / input unit)². The inputs run from {low} to {high} here; "
        "the same function of inputs multiplied by a has GC divided by a²."
    )


def summary(facts: Facts) -> str:
    """Return the report in a few lines.

    Args:
        facts: of a report.

    Returns:
        Lines of text.
    """
    lines = [
        f"{facts.model_name}: GC = {mean(facts.gc)} "
        f"({facts.gc.num_examples:,} examples, {facts.estimator})",
        f"  {number(facts.gc_per_deviation)} if each input is divided by its "
        "standard deviation",
    ]
    if facts.accuracy is not None:
        lines.append(f"  accuracy {facts.accuracy:.1%}")
    for kind in ("prediction", "error", "class"):
        groups = [g for g in facts.groups if g.kind == kind]
        if groups:
            values = ", ".join(f"{g.name} {number(g.gc.value)}" for g in groups)
            lines.append(f"  by {kind}: {values}")
    if facts.layers:
        values = ", ".join(
            f"{layer.name} {number(layer.gc.value)}" for layer in facts.layers
        )
        lines.append(f"  by layer: {values}")
    lines += [f"  Warning: {warning}" for warning in facts.warnings]
    return "\n".join(lines)


def comparison(found: Comparison) -> str:
    """Return a comparison as a small table.

    Args:
        found: a `Comparison`.

    Returns:
        Lines of text.
    """
    names = found.ranking()
    width = max(map(len, names))
    lines = [f"By {found.ranked_by}, the lowest first:"]
    for place, name in enumerate(names, start=1):
        facts = found.facts[name]
        parts = [f"{place}. {name:<{width}}  GC = {mean(facts.gc)}"]
        if facts.embedding_gc is not None:
            parts.append(f"embedding GC = {mean(facts.embedding_gc)}")
        if facts.accuracy is not None:
            parts.append(f"accuracy {facts.accuracy:.1%}")
        parts += [f"Warning: {warning}" for warning in facts.warnings]
        lines.append("  ".join(parts))
    return "\n".join(lines)
