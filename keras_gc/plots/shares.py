"""Error of GC over the share of examples, outputs or inputs that is used."""

from typing import TYPE_CHECKING

from keras_gc.experiments.rows import value
from keras_gc.plots import style
from keras_gc.plots.results import Results, points

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def shares(results: Results) -> "Figure":
    """Draw a panel for each kind of part, with the error that is told.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    trends = results.config["trends"]
    figure, [row_of_axes] = style.panels(results, 1, len(trends), height=2.6)
    for place, (trend, axes) in enumerate(
        zip(trends, row_of_axes, strict=True)
    ):
        rows = results.of_series(trend["series"])
        for index, name in enumerate(("relative_error", "told_error")):
            label = ("found", "told by the standard error")[index]
            pairs = points(rows, "share", name)
            style.scatter_and_mean(axes, pairs, index, label=label)
        style.settings_axis(axes, [value(row, "share") for row in rows])
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"share of the {trend['series']}")
        axes.set_ylabel(results.label("relative_error"))
        axes.set_title(results.evidence(place))
        axes.legend()
    return figure
