"""Each quantity that responds, over what was varied, a panel for each trend."""

from typing import TYPE_CHECKING

from keras_gc.experiments.rows import value
from keras_gc.plots import style
from keras_gc.plots.results import Results, points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 3


def responses(results: Results) -> "Figure":
    """Draw a panel for each trend of the claim, and one for accuracy.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    trends = results.config["trends"]
    first = trends[0]
    panels: list[tuple] = [
        (t["x"], t["y"], t["series"], i) for i, t in enumerate(trends)
    ]
    panels.append((first["x"], "test_accuracy", first["series"], None))
    num_rows = -(-len(panels) // COLUMNS)
    figure, rows_of_axes = style.panels(results, num_rows, COLUMNS, height=2.4)
    every = [axes for row in rows_of_axes for axes in row]
    for axes in every[len(panels) :]:
        axes.set_axis_off()
    for axes, (x, y, series, trend) in zip(every, panels, strict=False):
        rows = [
            row
            for row in results.of_series(series)
            if value(row, x) is not None
        ]
        style.scatter_and_mean(axes, points(rows, x, y), 0)
        style.settings_axis(axes, [value(row, x) for row in rows])
        if y.endswith("gc"):
            style.log_if_wide(axes)
        axes.set_xlabel(results.label(x))
        axes.set_ylabel(results.label(y))
        if trend is not None:
            axes.set_title(results.evidence(trend))
    return figure
