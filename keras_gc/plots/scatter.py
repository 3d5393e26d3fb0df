"""One measured quantity against another, a panel for each trend."""

from typing import TYPE_CHECKING

from keras_gc.plots import style
from keras_gc.plots.results import Results, points

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def scatter(results: Results) -> "Figure":
    """Draw each run as a point, a panel for each trend of the claim.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    trends = results.config["trends"]
    figure, [row_of_axes] = style.panels(results, 1, len(trends), height=2.8)
    series = list(
        dict.fromkeys(row["setting"].get("series") for row in results.rows)
    )
    for i, trend in enumerate(trends):
        axes = row_of_axes[i]
        x, y = trend["x"], trend["y"]
        for index, name in enumerate(series):
            pairs = points(results.of_series(name), x, y)
            style.scatter(
                axes,
                pairs,
                style.MARKERS[index],
                color=style.COLORS[index],
                alpha=0.7,
                label=name,
            )
        for which, name in (("x", x), ("y", y)):
            if name.endswith("gc"):  # errors and accuracies stay linear
                style.log_if_wide(axes, which)
        axes.set_xlabel(results.label(x))
        axes.set_ylabel(results.label(y))
        axes.set_title(results.evidence(i))
    if len(series) > 1:
        row_of_axes[0].legend()
    return figure
