"""GC and GC over the squared margin along training, and excess risk."""

from typing import TYPE_CHECKING

from keras_gc.plots import style
from keras_gc.plots.results import Results, points
from keras_gc.plots.settings import along_training

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def margins(results: Results) -> "Figure":
    """Draw both over steps, from true to random labels, and the excess risk.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    figure, [[gc, quotient, risk]] = style.panels(results, 1, 3, height=2.6)
    for axes, name in ((gc, "gc_train"), (quotient, "margin_gc")):
        along_training(axes, results.rows, "wrong_labels", results, name)
    shares = sorted({row["setting"]["wrong_labels"] for row in results.rows})
    for place, share in enumerate(shares):
        rows = [
            row
            for row in results.rows
            if row["setting"]["wrong_labels"] == share
        ]
        style.scatter(
            risk,
            points(rows, "excess_risk", "margin_gc"),
            style.MARKERS[place % len(style.MARKERS)],
            color=style.shade(place, len(shares)),
        )
    style.log_if_wide(risk)
    risk.set_xlabel(results.label("excess_risk"))
    risk.set_ylabel(results.label("margin_gc"))
    risk.set_title(results.evidence(0))
    return figure
