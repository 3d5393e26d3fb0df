"""All heuristics together: what each does to GC, and at what accuracy."""

import statistics
from typing import TYPE_CHECKING

from keras_gc.plots import style
from keras_gc.plots.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LEVELS = ("none", "weak", "medium", "strong")


def heuristics(results: Results) -> "Figure":
    """Draw a line for each heuristic, from no strength to its largest.

    Lines join medians over seeds: a run that diverges would hide the others
    in a mean. Each run is a faint mark beside.

    Args:
        results: Result files.

    Returns:
        A figure: GC over the strength, accuracy and spectral bound over GC.
    """
    figure, [[gc, accuracy, bound]] = style.panels(results, 1, 3, height=2.8)
    names = [trend["x"] for trend in results.config["trends"]]
    for index, name in enumerate(names):
        levels = _levels(results, name)
        look = {
            "color": style.COLORS[index % len(style.COLORS)],
            "marker": style.MARKERS[index % len(style.MARKERS)],
            "linestyle": style.DASHES[index // len(style.COLORS)],
        }
        label = results.label(name).partition(" [")[0]
        for axes, x, y in (
            (gc, "level", "gc"),
            (accuracy, "gc", "test_accuracy"),
            (bound, "gc", "spectral_bound"),
        ):
            _line_of_medians(axes, levels, x, y, look, label)
    for axes, which in ((gc, "y"), (accuracy, "x"), (bound, "x"), (bound, "y")):
        style.log_if_wide(axes, which)
    gc.set_xticks(range(len(LEVELS)), LEVELS)
    gc.set_xlabel("strength")
    gc.set_ylabel(results.label("gc"))
    for axes, name in ((accuracy, "test_accuracy"), (bound, "spectral_bound")):
        axes.set_xlabel(results.label("gc"))
        axes.set_ylabel(results.label(name))
    handles, labels = gc.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _levels(results: Results, name: str) -> list[list[dict]]:
    """Results of a heuristic at each level of `LEVELS` that has any."""
    strengths = sorted(
        setting[name]
        for setting in results.config["settings"]
        if setting["series"] == name
    )
    # Where a grid has fewer strengths, they are the stronger ones.
    level = dict(zip(reversed(strengths), (3, 2, 1), strict=False)) | {0.0: 0}
    runs = results.of_series("none") + results.of_series(name)
    levels: list[list[dict]] = [[] for _ in LEVELS]
    for row in runs:
        place = level[row["setting"][name]]
        levels[place].append(row["result"] | {"level": place})
    return [level for level in levels if level]


def _line_of_medians(
    axes: "Axes", levels: list, x: str, y: str, look: dict, label: str
) -> None:
    faint = {"color": look["color"], "alpha": 0.25, "mew": 0}
    medians = []
    for runs in levels:
        pairs = [(run[x], run[y]) for run in runs]
        pairs = [pair for pair in pairs if None not in pair]
        style.scatter(axes, pairs, look["marker"], **faint)
        if pairs:
            both = zip(*pairs, strict=True)
            medians.append([statistics.median(values) for values in both])
    axes.plot(*zip(*medians, strict=True), **look, label=label)
