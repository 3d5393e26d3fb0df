"""All heuristics together: what each does to GC, and at what accuracy."""

import itertools
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

    Lines join medians over seeds: in a mean, a run that diverges would hide
    the others. Single runs are faint marks. The axes are scaled to the
    medians, without those that lie far out; the panel's title counts the runs
    outside them.

    Args:
        results: `Results`, result files.

    Returns:
        A figure: GC over the strength, accuracy and spectral bound over GC.
    """
    figure, [axes] = style.panels(results, 1, 3, height=2.8)
    names = [trend["x"] for trend in results.config["trends"]]
    levels = {name: _levels(results, name) for name in names}
    _panel(axes[0], results, levels, "level", "gc", log="y")
    _panel(axes[1], results, levels, "gc", "test_accuracy", log="x")
    _panel(axes[2], results, levels, "gc", "spectral_bound", log="xy")
    axes[0].set_xticks(range(len(LEVELS)), LEVELS)
    handles, labels = axes[0].get_legend_handles_labels()
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
        # The runs without any heuristic are each heuristic's, and count once.
        levels[place].append(row["result"] | {"level": place, "run": id(row)})
    return [level for level in levels if level]


def _panel(
    axes: "Axes", results: Results, levels: dict, x: str, y: str, log: str
) -> None:
    points = {
        name: [[(run[x], run[y]) for run in runs] for runs in levels[name]]
        for name in levels
    }
    all_medians = []
    for index, (name, groups) in enumerate(points.items()):
        medians = [median for group in groups for median in _median(group)]
        all_medians += medians
        axes.plot(
            *zip(*medians, strict=True),
            color=style.COLORS[index],
            marker=style.MARKERS[index],
            label=results.label(name).partition(" [")[0],
        )
    for which in log:
        style.log_if_wide(axes, which)
    axes.autoscale_view()  # now, and not when the runs are drawn
    axes.autoscale(False)
    for which, place in (("x", 0), ("y", 1)):
        if which in log:
            style.leave_out_far(axes, which, [m[place] for m in all_medians])
    for index, groups in enumerate(points.values()):
        style.scatter(
            axes,
            [pair for group in groups for pair in _finite(group)],
            style.MARKERS[index],
            color=style.COLORS[index],
            alpha=0.25,
            mew=0,
        )
    outside = {
        run["run"]
        for runs in itertools.chain(*levels.values())
        for run in runs
        if not _is_inside(axes, (run[x], run[y]))
    }
    if outside:
        axes.set_title(f"{len(outside)} of {len(results.rows)} runs not shown")
    axes.set_xlabel("strength" if x == "level" else results.label(x))
    axes.set_ylabel(results.label(y))


def _finite(pairs: list[tuple]) -> list[tuple[float, float]]:
    return [pair for pair in pairs if None not in pair]


def _median(pairs: list[tuple]) -> list[list[float]]:
    """The median of each coordinate, or nothing where no run has any."""
    both = zip(*_finite(pairs), strict=True)
    medians = [statistics.median(values) for values in both]
    return [medians] if medians else []


def _is_inside(axes: "Axes", pair: tuple) -> bool:
    limits = (axes.get_xlim(), axes.get_ylim())
    return None not in pair and all(
        low <= value <= high
        for value, (low, high) in zip(pair, limits, strict=True)
    )
