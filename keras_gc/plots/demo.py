"""The demo's figure: GC falls with its weight, accuracy stays."""

import json
from pathlib import Path

from keras_gc.plots import style


def plot_demo(results: Path) -> list[Path]:
    """Draw the figure from the demo's result file.

    Args:
        results: the `.jsonl` file that `keras-gc demo` wrote.

    Returns:
        The files written: a PDF and a PNG beside the results.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    rows = [json.loads(line) for line in results.read_text().splitlines()]
    rows = [row for row in rows if row["gc_weight"] is not None]
    # Dark to light, evenly spaced also in grey: the weights are ordered.
    shades = colormaps["viridis"]
    with style.print_style():
        figure = Figure(figsize=(style.WIDTH, 2.8), layout="constrained")
        figure.suptitle(rows[0]["title"])
        during, after = figure.subplots(1, 2)
        for index, row in enumerate(rows):
            mark = {
                "color": shades(0.9 * index / max(1, len(rows) - 1)),
                "marker": style.MARKERS[index % len(style.MARKERS)],
                "label": f"{row['gc_weight']:g}",
            }
            epochs = range(1, 1 + len(row["gc_history"]))
            during.plot(epochs, row["gc_history"], markevery=(0.1, 0.2), **mark)
            after.plot(
                row["gc"], 100 * row["test_accuracy"], linestyle="", **mark
            )
        during.set(
            xlabel="epoch",
            ylabel="GC of the training batches\n[(logit / input unit)²]",
        )
        after.set(
            xlabel="GC of the test examples [(logit / input unit)²]",
            ylabel="test accuracy [%]",
        )
        style.log_if_wide(during)
        style.log_if_wide(after, "x")
        after.legend(title="gc_weight", fontsize=7)
        return style.save(figure, results.with_suffix(""))
