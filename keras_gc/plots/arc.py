"""GC and arc length of a function of one variable, along training."""

from typing import TYPE_CHECKING

from keras_gc.experiments.rows import value
from keras_gc.plots import style
from keras_gc.plots.results import Results, points
from keras_gc.plots.settings import along_training

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def arc(results: Results) -> "Figure":
    """Draw GC over steps, arc length over GC, and GC over learning rate.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    import numpy as np

    figure, [[along, both, at_end]] = style.panels(results, 1, 3, height=2.6)
    along_training(along, results.rows, "learning_rate", results)
    rates = sorted({value(row, "learning_rate") for row in results.rows})
    for row in results.rows:
        curve = [
            (point["gc"], point["arc_length"])
            for point in row["result"]["curve"]
            if point["gc"] is not None and point["arc_length"] is not None
        ]
        place = rates.index(value(row, "learning_rate"))
        color = style.shade(place, len(rates))
        style.scatter(both, curve, ".-", color=color, alpha=0.6)
    gc = np.linspace(0, both.get_xlim()[1])
    both.plot(gc, 2 * np.sqrt(1 + gc), "k--", label="2 √(1 + GC): the bound")
    both.legend()
    both.set_xlabel(results.label("gc"))
    both.set_ylabel(results.label("arc_length"))
    style.scatter_and_mean(
        at_end, points(results.rows, "learning_rate", "gc"), 0
    )
    style.settings_axis(at_end, rates)
    at_end.set_xlabel(results.label("learning_rate"))
    at_end.set_ylabel(results.label("gc"))
    at_end.set_title(results.evidence(1))
    return figure
