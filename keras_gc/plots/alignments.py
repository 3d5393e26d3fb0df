"""GC over steps, over training loss, and where runs are comparable."""

from typing import TYPE_CHECKING

from keras_gc.experiments.rows import value
from keras_gc.plots import style
from keras_gc.plots.results import Results, points
from keras_gc.plots.settings import along_training

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = {
    "gc_at_step": "equal steps",
    "gc_at_loss": "equal loss",
    "gc_at_best": "best validation",
}

# Earlier, at losses above so many times the common one, a network has yet to
# begin: its loss may be ten times that of a guess.
NEAR = 1.25
ABOVE: dict = {"loc": "lower center", "bbox_to_anchor": (0.5, 1)}


def alignments(results: Results) -> "Figure":
    """Draw a row of three panels for each quantity that is varied.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    trends = results.config["trends"]
    knobs = list(dict.fromkeys(trend["x"] for trend in trends))
    figure, rows_of_axes = style.panels(results, len(knobs), 3, height=2.7)
    for x, (along, over_loss, at) in zip(knobs, rows_of_axes, strict=True):
        rows = [row for row in results.rows if value(row, x) is not None]
        along_training(along, rows, x, results)
        along.legend(title=results.label(x), title_fontsize=7, ncols=3, **ABOVE)
        _over_loss(over_loss, rows, x, results)
        own = [i for i, trend in enumerate(trends) if trend["x"] == x]
        for place, i in enumerate(own):
            y = trends[i]["y"]
            label = ": ".join(filter(None, [LABELS[y], results.evidence(i)]))
            style.scatter_and_mean(at, points(rows, x, y), place, label=label)
        style.settings_axis(at, [value(row, x) for row in rows])
        style.log_if_wide(at)
        at.set_xlabel(results.label(x))
        at.set_ylabel(results.label("gc"))
        at.legend(**ABOVE)
    return figure


def _over_loss(axes: "Axes", rows: list, x: str, results: Results) -> None:
    values = sorted({value(row, x) for row in rows})
    equal_loss = results.config["recipe"]["equal_loss"]
    for row in rows:
        pairs = [
            (point["loss"], point["gc"])
            for point in row["result"]["curve"]
            if None not in (point["loss"], point["gc"])
            and point["loss"] <= NEAR * equal_loss
        ]
        shade = style.shade(values.index(value(row, x)), len(values))
        style.scatter(axes, pairs, ".-", color=shade, alpha=0.8)
    axes.axvline(equal_loss, color="black", linestyle=":", linewidth=0.8)
    style.log_if_wide(axes)
    axes.invert_xaxis()  # training goes to the right
    axes.set_xlabel(results.label("train_loss"))
    axes.set_ylabel(results.label("gc"))
