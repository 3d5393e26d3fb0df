"""Both sides of the transfer theorem along training."""

from typing import TYPE_CHECKING

from keras_gc.plots import style
from keras_gc.plots.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def inequality(results: Results) -> "Figure":
    """Draw a panel for each setting, with both sides over steps.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    settings = results.config["settings"]
    figure, [row_of_axes] = style.panels(results, 1, len(settings), height=2.6)
    for setting, axes in zip(settings, row_of_axes, strict=True):
        rows = [row for row in results.rows if row["setting"] == setting]
        sides = ("parameter_side", "jacobian_side")
        for name, color, dash in zip(sides, style.COLORS, "-:", strict=False):
            style.mean_and_band(
                axes,
                rows,
                name,
                color,
                linestyle=dash,
                label=results.label(name),
            )
        style.log_if_wide(axes)
        style.steps_axis(axes)
        axes.set_title(setting["series"])
    row_of_axes[0].set_ylabel("squared norm [(logit / weight unit)²]")
    figure.legend(
        *row_of_axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
    )
    return figure
