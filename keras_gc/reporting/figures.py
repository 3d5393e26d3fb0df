"""Charts with Matplotlib: for `plot()`, and as SVG for the page."""

import contextlib
import dataclasses
import io
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from keras_gc.reporting.facts import Facts, InputMap
from keras_gc.reporting.pictures import over_channels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHOWN_COLUMNS = 20


@dataclasses.dataclass(frozen=True)
class Palette:
    """Colours by what they are for."""

    ink: str = "#1c2024"
    muted: str = "#60646c"
    line: str = "#d9d9e0"
    accent: str = "#0072b2"
    second: str = "#d55e00"


# On the page colours are the reader's: these stand in for its CSS variables.
_VARIABLES = Palette(
    ink="#010101", muted="#020202", line="#030303",
    accent="#040404", second="#050505",
)  # fmt: skip


def overview(facts: Facts) -> "Figure":
    """Draw a whole report as one figure.

    Args:
        facts: of a report.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    from matplotlib.figure import Figure

    palette = Palette()
    draw: list[Callable] = [lambda axes: distribution(axes, facts, palette)]
    if facts.groups:
        draw.append(lambda axes: groups(axes, facts, palette))
    if facts.layers:
        draw.append(lambda axes: layers(axes, facts, palette))
    draw += [
        lambda axes, one=one: inputs(axes, one, palette) for one in facts.inputs
    ]
    with _style(palette):
        columns = min(2, len(draw))
        rows = -(-len(draw) // columns)
        figure = Figure(
            figsize=(4.2 * columns, 2.9 * rows), layout="constrained"
        )
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid[len(draw) :]:
            axes.set_axis_off()
        for one, axes in zip(draw, grid, strict=False):
            one(axes)
        figure.suptitle(f"{facts.model_name}: GC = {facts.gc}")
    return figure


def comparison(facts: dict[str, Facts]) -> "Figure":
    """Draw the GC of several models.

    Args:
        facts: by the models' names.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    from matplotlib.figure import Figure

    palette = Palette()
    with _style(palette):
        size = (5.0, 1.0 + 0.4 * len(facts))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        _bars(axes, list(facts), [one.gc for one in facts.values()], palette)
        axes.set_xlabel("GC")
    return figure


def distribution(axes: "Axes", facts: Facts, palette: Palette) -> None:
    """Draw how the norms of the examples are distributed.

    Args:
        axes: where.
        facts: of a report.
        palette: colours.
    """
    norms = facts.norms[np.isfinite(facts.norms)]
    positive = norms[norms > 0]
    is_log = len(positive) > 0 and positive.max() > 10 * positive.min()
    values = positive if is_log else norms
    if len(values) == 0:
        return
    low, high = values.min(), values.max()
    if low == high:
        low, high = low - 0.5, high + 0.5
    space = np.geomspace if is_log else np.linspace
    bins = space(low, high, int(min(36, 6 + len(values) ** 0.5)))
    axes.hist(values, list(bins), color=palette.accent, linewidth=0)
    axes.margins(y=0.12)  # for the name of the mean
    if is_log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(_plain)
    axes.axvline(facts.gc.value, color=palette.second, linewidth=1.5)
    axes.annotate(
        "mean (GC)",
        (facts.gc.value, 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, -9),
        textcoords="offset points",
        color=palette.second,
    )
    axes.set_xlabel("squared Jacobian norm of an example")
    axes.set_ylabel("examples")
    axes.locator_params(axis="y", integer=True)


def groups(axes: "Axes", facts: Facts, palette: Palette) -> None:
    """Draw GC of each group with its standard error.

    Args:
        axes: where.
        facts: of a report.
        palette: colours.
    """
    shown = facts.groups[: 2 * _SHOWN_COLUMNS]
    _bars(axes, [g.name for g in shown], [g.gc for g in shown], palette)
    axes.set_xlabel("GC")


def layers(axes: "Axes", facts: Facts, palette: Palette) -> None:
    """Draw GC of each layer's output.

    Args:
        axes: where.
        facts: of a report.
        palette: colours.
    """
    shown = facts.layers
    _bars(axes, [v.name for v in shown], [v.gc for v in shown], palette)
    values = [v.gc.value for v in shown]
    if min(values) > 0 and max(values) > 30 * min(values):
        axes.set_xscale("log")
    axes.set_xlabel("GC of the layer's output")


def inputs(axes: "Axes", one: InputMap, palette: Palette) -> None:
    """Draw the mean squared derivative of each entry of an input.

    Args:
        axes: where.
        one: the input.
        palette: colours.
    """
    if one.kind == "image":
        picture = axes.imshow(over_channels(one.squares), cmap="magma", vmin=0)
        axes.set_axis_off()
        axes.figure.colorbar(picture, ax=axes, shrink=0.8)
        axes.set_title(f"mean squared derivative, {one.name}")
    elif one.kind == "sequence":
        values = one.squares.sum(1)
        axes.fill_between(
            range(len(values)), values, step="mid", color=palette.accent,
            linewidth=0,
        )  # fmt: skip
        axes.set_xlim(0, max(1, len(values) - 1))
        axes.set_ylim(bottom=0)
        axes.set_xlabel("step")
        axes.locator_params(axis="x", integer=True)
        axes.set_ylabel("mean squared derivative")
    else:
        values = (one.squares * one.deviations**2).ravel()
        order = np.argsort(-values)[:_SHOWN_COLUMNS]
        names = [one.columns[j] for j in order]
        axes.barh(names, values[order], color=palette.accent)
        axes.invert_yaxis()
        axes.set_xlabel("share of GC per standard deviation")


def svg(name: str, draw: Callable, size: tuple[float, float]) -> str:
    """Draw a chart as SVG whose colours and fonts are the page's.

    Args:
        name: of the chart, for ids that no other chart on the page has.
        draw: function of axes and a palette.
        size: width and height in inches.

    Returns:
        An `<svg>`.
    """
    from matplotlib.figure import Figure

    with _style(_VARIABLES, name):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots(), _VARIABLES)
        buffer = io.StringIO()
        # Same facts, same page: no date, no random names.
        figure.savefig(
            buffer, format="svg", transparent=True, metadata={"Date": None}
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r" xmlns(:\w+)?=\"[^\"]*\"", "", text)
    text = re.sub(r"<g id=\"[^\"]*\"", "<g", text)  # the same in each chart
    text = text.replace("xlink:href", "href")
    # "font: 9px 'DejaVu Sans', ..." -> the size alone
    text = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", text)
    for field in dataclasses.fields(Palette):
        color = getattr(_VARIABLES, field.name)
        text = text.replace(color, f"var(--{field.name})")
    return text


def _bars(axes, names, means, palette):
    places = range(len(names))
    axes.barh(
        places,
        [mean.value for mean in means],
        xerr=np.nan_to_num([mean.standard_error for mean in means]),
        color=palette.accent,
        ecolor=palette.muted,
    )
    axes.set_yticks(places, names)
    axes.invert_yaxis()


def _plain(value, position):
    return f"{value:,.6g}"


@contextlib.contextmanager
def _style(palette: Palette, salt: str = "") -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context({
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": palette.line,
        "axes.labelcolor": palette.muted,
        "xtick.color": palette.line,
        "ytick.color": palette.line,
        "xtick.labelcolor": palette.muted,
        "ytick.labelcolor": palette.muted,
        "text.color": palette.ink,
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": f"keras_gc {salt}",
    }):
        yield
