"""Loss, error, GC and Lipschitz bounds over the width of a network."""

from typing import TYPE_CHECKING

from keras_gc.experiments.rows import value
from keras_gc.plots import style
from keras_gc.plots.results import Results, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSS_LABELS = {
    "cross_entropy": "cross-entropy [nat]",
    "squared": "squared error",
}
SHORT = {"lipschitz_lower": "Lipschitz², from below"}  # for the legend


def widths(results: Results) -> "Figure":
    """Draw loss, error and GC with its bounds over width, a row each series.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    series = list(
        dict.fromkeys(row["setting"].get("series") for row in results.rows)
    )
    trained_on = results.config["recipe"].get("loss", "cross_entropy")
    figure, rows_of_axes = style.panels(results, len(series), 3, height=2.4)
    for name, (loss, error, gc) in zip(series, rows_of_axes, strict=True):
        rows = results.of_series(name)
        _over_width(loss, rows, ("test_loss", "train_loss"), results)
        loss.set_ylabel(LOSS_LABELS[trained_on])
        style.log_if_wide(loss)
        loss.set_title(name)
        _over_width(error, rows, ("test_error", "train_error"), results)
        error.set_ylabel("error")
        bounds = ("gc", "lipschitz_lower", "lipschitz_upper")
        _over_width(gc, rows, bounds, results)
        gc.set_ylabel(results.label("gc").replace("GC ", ""))
        style.log_if_wide(gc)
        trends = [trend["series"] for trend in results.config["trends"]]
        if name in trends:
            gc.set_title(results.evidence(trends.index(name)))
    return figure


def _over_width(
    axes: "Axes", rows: list[dict], names: tuple[str, ...], results: Results
) -> None:
    for index, name in enumerate(names):
        if pairs := points(rows, "width", name):
            label = SHORT.get(name) or results.label(name).partition(" [")[0]
            style.scatter_and_mean(axes, pairs, index, label=label)
    style.settings_axis(axes, [value(row, "width") for row in rows])
    axes.tick_params(axis="x", labelrotation=90)
    axes.set_xlabel(results.label("width"))
    axes.legend()
