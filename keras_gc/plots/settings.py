"""GC against what was varied: along training, at its end, with accuracy."""

from typing import TYPE_CHECKING

from keras_gc.experiments.rows import value
from keras_gc.plots import style
from keras_gc.plots.results import Results, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def settings(results: Results) -> "Figure":
    """Draw a row of three panels for each trend of the claim.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    trends = results.config["trends"]
    figure, rows_of_axes = style.panels(results, len(trends), 3)
    for i, trend in enumerate(trends):
        rows, x = results.of_series(trend["series"]), trend["x"]
        along, at_end, accuracy = rows_of_axes[i]
        if not rows:
            along.set_title(f"{trend['series']}: no finished run")
            continue
        along_training(along, rows, x, results)
        _against(at_end, rows, x, "gc", results)
        style.log_if_wide(at_end)
        at_end.set_title(results.evidence(i))
        _against(accuracy, rows, x, "test_accuracy", results, index=1)
    return figure


def along_training(
    axes: "Axes", rows: list, x: str, results: Results, y: str = "gc"
) -> None:
    """Draw a quantity over steps of training, a line for each setting.

    Args:
        axes: Matplotlib axes, where.
        rows: list, the runs.
        x: str, name of what was varied.
        results: `Results`, result files.
        y: str, name of the quantity. Defaults to "gc".
    """
    values = sorted({value(row, x) for row in rows})
    for place, setting in enumerate(values):
        style.mean_and_band(
            axes,
            [row for row in rows if value(row, x) == setting],
            y,
            color=style.shade(place, len(values)),
            label=f"{setting:g}",
        )
    style.log_if_wide(axes)
    style.steps_axis(axes)
    axes.set_ylabel(results.label(y))
    axes.legend(title=results.label(x), title_fontsize=7, ncols=2)


def _against(
    axes: "Axes", rows: list, x: str, y: str, results: Results, index: int = 0
) -> None:
    style.scatter_and_mean(axes, points(rows, x, y), index)
    style.settings_axis(axes, [value(row, x) for row in rows])
    axes.set_xlabel(results.label(x))
    axes.set_ylabel(results.label(y))
