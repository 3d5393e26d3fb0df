"""How many intervals hold the true GC, over the precision asked for."""

from typing import TYPE_CHECKING

from keras_gc.experiments.rows import value
from keras_gc.plots import style
from keras_gc.plots.results import Results, points

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def coverage(results: Results) -> "Figure":
    """Draw the share of intervals that hold, and the examples they took.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    figure, [[held, taken]] = style.panels(results, 1, 2, height=2.6)
    models = dict.fromkeys(row["setting"]["series"] for row in results.rows)
    for index, model in enumerate(models):
        rows = results.of_series(model)
        for axes, name in ((held, "coverage"), (taken, "num_examples")):
            pairs = points(rows, "rtol", name)
            style.scatter_and_mean(axes, pairs, index, label=model)
    promised = results.config["thresholds"]["promised"]
    held.axhline(promised, color="black", linestyle="--", label="promised")
    held.set_ylabel(results.label("coverage"))
    held.legend()
    style.log_if_wide(taken)
    taken.set_ylabel("examples until it stops")
    for axes in (held, taken):
        style.settings_axis(axes, [value(row, "rtol") for row in results.rows])
        axes.set_xlabel(results.label("rtol"))
    return figure
