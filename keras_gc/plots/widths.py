"""Test loss and GC over the width of a network."""

from typing import TYPE_CHECKING

from keras_gc.experiments.rows import value
from keras_gc.plots import style
from keras_gc.plots.results import Results, points

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def widths(results: Results) -> "Figure":
    """Draw losses and GC over width, and GC against the test loss.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    figure, [[loss, gc, both]] = style.panels(results, 1, 3, height=2.4)
    rows = results.rows
    for index, name in enumerate(("test_loss", "train_loss")):
        label = results.label(name)
        pairs = points(rows, "width", name)
        style.scatter_and_mean(loss, pairs, index, label=label)
    loss.set_ylabel("cross-entropy [nat]")
    loss.legend()
    style.scatter_and_mean(gc, points(rows, "width", "gc"), 2)
    style.log_if_wide(gc)
    gc.set_ylabel(results.label("gc"))
    for axes in (loss, gc):
        style.settings_axis(axes, [value(row, "width") for row in rows])
        axes.tick_params(axis="x", labelrotation=90)
        axes.set_xlabel(results.label("width"))

    pairs = points(rows, "test_loss", "gc")
    style.scatter(both, pairs, "o", color=style.COLORS[2], alpha=0.6)
    style.log_if_wide(both)
    both.set_xlabel(results.label("test_loss"))
    both.set_ylabel(results.label("gc"))
    both.set_title(results.evidence(0))
    return figure
