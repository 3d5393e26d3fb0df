"""The demo's figure: GC falls with its weight, accuracy stays."""

from typing import TYPE_CHECKING

from keras_gc.experiments.rows import value
from keras_gc.plots import style
from keras_gc.plots.results import Results, points
from keras_gc.plots.settings import along_training

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def demo(results: Results) -> "Figure":
    """Draw GC along training, and test accuracy over GC at its end.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    figure, [[along, at_end]] = style.panels(results, 1, 2, height=2.6)
    along_training(along, results.rows, "gc_weight", results)
    weights = sorted({value(row, "gc_weight") for row in results.rows})
    for place, weight in enumerate(weights):
        rows = [r for r in results.rows if value(r, "gc_weight") == weight]
        style.scatter(
            at_end,
            points(rows, "gc", "test_accuracy"),
            style.MARKERS[place % len(style.MARKERS)],
            color=style.shade(place, len(weights)),
        )
    style.log_if_wide(at_end, "x")
    at_end.set_xlabel(results.label("gc"))
    at_end.set_ylabel(results.label("test_accuracy"))
    return figure
