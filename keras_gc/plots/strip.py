"""A function through ten points as it is learned, and its GC."""

from statistics import fmean
from typing import TYPE_CHECKING

from keras_gc.plots import style
from keras_gc.plots.results import Results, curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def strip(results: Results) -> "Figure":
    """Draw a panel for each recorded step, and GC over steps below.

    Args:
        results: `Results`, result files.

    Returns:
        A figure.
    """
    from matplotlib.figure import Figure

    runs = [row["result"] for row in results.rows]
    steps = results.config["recipe"]["snapshots"]
    finite = curves(results.rows, "gc")
    figure = Figure(figsize=(style.WIDTH, 3.8), layout="constrained")
    figure.suptitle(results.title)
    above, below = figure.subfigures(2, 1, squeeze=False).flat
    panels = above.subplots(1, len(steps), sharey=True)
    for step, axes in zip(steps, panels, strict=True):
        for index, run in enumerate(runs):
            (point,) = (p for p in run["curve"] if p["step"] == step)
            color = style.COLORS[index % len(style.COLORS)]
            axes.plot(run["grid"], point["function"], color=color, alpha=0.8)
        axes.plot(*runs[0]["points"], "k.")
        gc = f"{fmean(finite[step]):.2g}" if step in finite else "not finite"
        axes.set_title(f"step {step:,}\nGC {gc}")
        axes.set_xlabel("x")
    above.axes[0].set_ylabel("f(x)")

    axes = below.subplots()
    style.mean_and_band(
        axes, results.rows, "gc", style.COLORS[0], marker="o", label="network"
    )
    axes.axhline(
        runs[0]["least_gc"],
        color="black",
        linestyle="--",
        label="straight lines: the least GC through the points",
    )
    style.steps_axis(axes)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("GC [(output unit / input unit)²]")
    axes.legend()
    return figure
