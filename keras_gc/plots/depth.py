"""GC at initialisation against depth, a line for each scheme."""

from typing import TYPE_CHECKING

from keras_gc.experiments.rows import value
from keras_gc.plots import style
from keras_gc.plots.results import Results, points

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def depth(results: Results) -> "Figure":
    """Draw one panel with a line for each initialisation.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    figure, [[axes]] = style.panels(results, 1, 1, height=3.0)
    schemes = dict.fromkeys(row["setting"]["series"] for row in results.rows)
    for index, scheme in enumerate(schemes):
        pairs = points(results.of_series(scheme), "depth", "gc")
        label = scheme.replace("_", " ")
        style.scatter_and_mean(axes, pairs, index, label=label)
    style.log_if_wide(axes)
    style.settings_axis(axes, [value(row, "depth") for row in results.rows])
    axes.set_xlabel(results.label("depth"))
    axes.set_ylabel(results.label("gc"))
    axes.legend()
    return figure
