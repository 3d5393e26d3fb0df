"""All heuristics together: what each does to GC, and at what accuracy."""

import statistics
from typing import TYPE_CHECKING

from keras_gc.experiments.rows import value
from keras_gc.plots import style
from keras_gc.plots.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def heuristics(results: Results) -> "Figure":
    """Draw a line for each heuristic, from no strength to its largest.

    Medians over seeds: a run that diverges would hide the others.

    Args:
        results: Result files.

    Returns:
        A figure: GC over the strength, accuracy and spectral bound over GC.
    """
    figure, [[gc, accuracy, bound]] = style.panels(results, 1, 3, height=2.8)
    names = [trend["x"] for trend in results.config["trends"]]
    plain = results.of_series("none")
    for index, name in enumerate(names):
        settings = {0.0: plain}
        for row in results.of_series(name):
            settings.setdefault(row["setting"][name], []).append(row)
        runs = [settings[strength] for strength in sorted(settings)]
        of = {
            quantity: [_median(group, quantity) for group in runs]
            for quantity in ("gc", "test_accuracy", "spectral_bound")
        }
        line = {
            "color": style.COLORS[index % len(style.COLORS)],
            "marker": style.MARKERS[index % len(style.MARKERS)],
            "linestyle": style.DASHES[index // len(style.COLORS)],
        }
        label = results.label(name).partition(" [")[0]
        level = [0, *range(5 - len(runs), 4)]
        gc.plot(level, of["gc"], **line, label=label)
        accuracy.plot(of["gc"], of["test_accuracy"], **line)
        bound.plot(of["gc"], of["spectral_bound"], **line)
    for axes, which in ((gc, "y"), (accuracy, "x"), (bound, "x"), (bound, "y")):
        style.log_if_wide(axes, which)
    levels = ["none", "weak", "medium", "strong"]
    gc.set_xticks(range(len(levels)), levels)
    gc.set_xlabel("strength")
    gc.set_ylabel(results.label("gc"))
    for axes, name in ((accuracy, "test_accuracy"), (bound, "spectral_bound")):
        axes.set_xlabel(results.label("gc"))
        axes.set_ylabel(results.label(name))
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def _median(rows: list[dict], name: str) -> float:
    values = [value(row, name) for row in rows]
    finite = [number for number in values if number is not None]
    return statistics.median(finite) if finite else float("nan")
