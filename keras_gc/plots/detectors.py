"""How well each score finds wrong labels, over their share."""

from typing import TYPE_CHECKING

from keras_gc.experiments.quantities import phrase
from keras_gc.experiments.rows import value
from keras_gc.plots import style
from keras_gc.plots.results import Results, points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCORES = (
    "norm_auroc",
    "norm_mean_auroc",
    "norm_variance_auroc",
    "loss_auroc",
    "loss_mean_auroc",
    "held_out_auroc",
)


def detectors(results: Results) -> "Figure":
    """Draw the AUROC of each score over the share of random labels.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    figure, [[axes]] = style.panels(results, 1, 1, height=3.2)
    for index, name in enumerate(SCORES):
        pairs = points(results.rows, "wrong_labels", name)
        style.scatter_and_mean(axes, pairs, index, label=phrase(name))
    axes.axhline(0.5, color="black", linewidth=0.8)
    style.settings_axis(
        axes, [value(row, "wrong_labels") for row in results.rows]
    )
    axes.set_xlabel(results.label("wrong_labels"))
    axes.set_ylabel("AUROC (0.5 tells nothing)")
    axes.legend(ncols=2)
    return figure
