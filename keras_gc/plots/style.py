"""How all figures look, and the few marks that they share."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_gc.plots.results import Results, curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito 2008: told apart by all, also with colour-blind eyes; the
# yellow is left out because it does not show on white paper.
COLORS = (
    "#0072B2",  # blue
    "#D55E00",  # vermilion
    "#009E73",  # green
    "#CC79A7",  # purple
    "#E69F00",  # orange
    "#56B4E9",  # sky blue
    "#000000",
    "#8C8C8C",  # grey
)
MARKERS = "osD^vPX*"  # and told apart without any colour
DASHES = ("-", "--", ":", "-.")
WIDTH = 7.0  # inches: the text width of a page
CROWDED = 20  # characters on an axis: more are turned, not to overlap


@contextlib.contextmanager
def print_style() -> Iterator[None]:
    """Set sizes that can be read on paper, for the figures drawn inside."""
    import matplotlib

    with matplotlib.rc_context({
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.5,
        "lines.linewidth": 1.2,
        "lines.markersize": 4,
        "legend.frameon": False,
        "legend.fontsize": 7,
        "pdf.fonttype": 42,  # text stays text
    }):
        yield


def shade(place: int, number: int) -> tuple[float, float, float, float]:
    """Return the colour of one of several ordered settings.

    Args:
        place: int, its place among them.
        number: int, how many there are.

    Returns:
        Red, green, blue and opacity: dark to light, evenly spaced in grey.
    """
    import matplotlib

    return matplotlib.colormaps["viridis"](0.9 * place / max(1, number - 1))


def panels(
    results: Results, num_rows: int, num_columns: int, height: float = 2.2
) -> tuple["Figure", list[list["Axes"]]]:
    """Begin a figure with a title and a grid of panels.

    Args:
        results: `Results`, what the figure shows.
        num_rows: int, rows of panels.
        num_columns: int, columns of panels.
        height: float, height of a row in inches. Defaults to 2.2.

    Returns:
        `(figure, axes)`, axes as a list of rows.
    """
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(WIDTH, num_rows * height + 0.3), layout="constrained"
    )
    figure.suptitle(results.title)
    axes = figure.subplots(num_rows, num_columns, squeeze=False)
    return figure, axes.tolist()


def scatter(
    axes: "Axes", pairs: list[tuple[float, float]], marker: str, **style: Any
) -> None:
    """Draw each run as a point.

    Args:
        axes: Matplotlib axes, where.
        pairs: list, `(x, y)` of each run; none of them is no point. (Matplotlib
            would draw one, and write on the axis.)
        marker: str, the marker.
        **style: Passed on to `plot`.
    """
    if pairs:
        axes.plot(*zip(*pairs, strict=True), marker, **style)


def scatter_and_mean(
    axes: "Axes", pairs: list[tuple[float, float]], index: int = 0, **line: Any
) -> None:
    """Draw each run as a point and a line through the means.

    Args:
        axes: Matplotlib axes, where.
        pairs: list, `(x, y)` of each run; runs of one setting share their `x`.
        index: int, place among the colours and markers. Defaults to 0.
        **line: Passed on to `plot` for the line, such as `label`.
    """
    color = COLORS[index]
    scatter(axes, pairs, MARKERS[index], color=color, alpha=0.4, mew=0)
    groups: dict[float, list[float]] = {}
    for x, y in pairs:
        groups.setdefault(x, []).append(y)
    means = [sum(group) / len(group) for group in groups.values()]
    dash = DASHES[index % len(DASHES)]
    axes.plot(list(groups), means, color=color, linestyle=dash, **line)


def mean_and_band(
    axes: "Axes", rows: list[dict], y: str, color: Any, **line: Any
) -> None:
    """Draw a quantity along training: the mean and the range of the seeds.

    A dot shows where each run ended.

    Args:
        axes: Matplotlib axes, where.
        rows: list of dicts, runs of one setting.
        y: str, name of the quantity.
        color: str, a colour.
        **line: Passed on to `plot`, such as `label`.
    """
    recorded = curves(rows, y)
    if not recorded:
        return
    # Runs may end at different steps; a mean is drawn where all have a value.
    most = max(map(len, recorded.values()))
    shared = {step: v for step, v in recorded.items() if len(v) == most}
    steps = list(shared)
    low, high = map(min, shared.values()), map(max, shared.values())
    means = [sum(values) / len(values) for values in shared.values()]
    axes.fill_between(
        steps, list(low), list(high), color=color, alpha=0.2, linewidth=0
    )
    axes.plot(steps, means, color=color, **line)
    ends = [row["result"]["curve"][-1] for row in rows]
    pairs = [(end["step"], end[y]) for end in ends if end[y] is not None]
    scatter(axes, pairs, ".", color=color)


def settings_axis(axes: "Axes", values: list[float]) -> None:
    """Mark the settings of a grid on the x axis, evenly where they multiply.

    Args:
        axes: Matplotlib axes, where.
        values: list of floats, the settings.
    """
    values = sorted(set(values))
    positive = [value for value in values if value > 0]
    if positive and positive[-1] >= 8 * positive[0]:
        if values[0] == 0:
            axes.set_xscale("symlog", linthresh=positive[0], linscale=0.5)
        else:
            axes.set_xscale("log")
    labels = [f"{value:g}" for value in values]
    is_crowded = sum(map(len, labels)) > CROWDED
    axes.set_xticks(values, labels, rotation=35 if is_crowded else 0)
    axes.set_xticks([], minor=True)


def steps_axis(axes: "Axes") -> None:
    """Show steps of training from the first on, on a log scale.

    Args:
        axes: Matplotlib axes, where.
    """
    from matplotlib.ticker import EngFormatter

    axes.set_xscale("symlog", linthresh=1, linscale=0.5)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlim(left=0)
    axes.set_xlabel("training step")


def log_if_wide(axes: "Axes", which: str = "y") -> None:
    """Use a log scale where what is drawn differs by a factor of five.

    A network that has stopped learning has a GC of 0. So that it is seen, the
    scale is linear from 0 to the smallest positive number where there is a 0.

    Args:
        axes: Matplotlib axes, where all is drawn already.
        which: str, "x" or "y". Defaults to "y".
    """
    from matplotlib.ticker import LogLocator, NullLocator

    low, high = getattr(axes.dataLim, f"interval{which}")
    least = getattr(axes.dataLim, f"minpos{which}")
    if low < 0 or high <= 5 * least:
        return
    set_scale = getattr(axes, f"set_{which}scale")
    axis = getattr(axes, f"{which}axis")
    if low > 0:
        set_scale("log")
    else:
        decade = 10 ** math.floor(math.log10(least))
        set_scale("symlog", linthresh=decade)
        getattr(axes, f"set_{which}lim")(-decade / 3, 2 * high)
        axis.get_major_locator().set_params(numticks=9)
    if low > 0 and high < 100 * low:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_locator(NullLocator())
    if high < 1e6 * least:  # else powers of ten
        axis.set_major_formatter("{x:g}")


def leave_out_far(axes: "Axes", which: str, values: Sequence[float]) -> None:
    """End a log axis before values that lie far outside the others.

    Far out, as Tukey has it: three times the distance between the quartiles
    beyond them. One run that diverged would press all others into a corner.

    Args:
        axes: Matplotlib axes, where all is drawn already.
        which: str, "x" or "y".
        values: list of floats, what should rule the axis.
    """
    import numpy as np

    positive = np.array([value for value in values if value > 0])
    if getattr(axes, f"get_{which}scale")() != "log" or len(positive) < 4:
        return
    logs = np.log10(positive)
    low, high = np.percentile(logs, (25, 75))
    reach = 3 * (high - low)
    near = logs[(logs >= low - reach) & (logs <= high + reach)]
    if len(near) < len(logs):
        margin = 0.05 * (near.max() - near.min())
        limits = 10 ** np.array([near.min() - margin, near.max() + margin])
        getattr(axes, f"set_{which}lim")(*limits)


def save(figure: "Figure", path: Path) -> list[Path]:
    """Write a figure as vectors and as pixels.

    Args:
        figure: Matplotlib figure, the figure.
        path: path, where, without a suffix.

    Returns:
        The files: PDF and PNG.
    """
    # Same data, same file: no date.
    metadata = {".pdf": {"CreationDate": None}, ".png": None}
    files = []
    for suffix, told in metadata.items():
        file = path.with_suffix(suffix)
        # Whole or not at all: another process may be drawing the same.
        part = path.with_name(f".{path.name}-{os.getpid()}{suffix}")
        figure.savefig(part, dpi=200, metadata=told)
        os.replace(part, file)
        files.append(file)
    return files
