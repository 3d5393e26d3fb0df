"""Figures of the experiments, drawn from result files alone.

`keras-gc plot NAME DIR` calls `plot(NAME, DIR)`. Nothing here trains or
measures: whatever a figure shows stands in the files of its folder.
"""

import importlib
from pathlib import Path

from keras_gc import _extras
from keras_gc._validation import one_of

# Each figure is drawn by the function of the same name as its module.
FIGURES = {
    "interpolation": "strip",
    "initialization": "depth",
    "parameter_norm": "settings",
    "spectral_norm": "settings",
    "flatness": "settings",
    "learning_rate": "settings",
    "batch_size": "settings",
    "noise": "settings",
    "explicit": "settings",
    "double_descent": "widths",
    "transfer_theorem": "inequality",
    "margin": "scatter",
    "collapse": "scatter",
    "regularizers": "heuristics",
}


@_extras.named()
def plot(name: str, folder: str | Path) -> list[Path]:
    """Draw the figure of one experiment.

    Args:
        name: Name of the experiment, as given to `keras-gc reproduce`.
        folder: The folder given to `keras-gc reproduce --out`; the results
            lie in `folder/name`, and so will the figure.

    Returns:
        The files written: a PDF (vectors, for print) and a PNG.

    Raises:
        ValueError: If there is no such experiment.
        FileNotFoundError: If `folder` holds no results of it.
        ModuleNotFoundError: If Matplotlib is not installed.
    """
    from keras_gc.plots import style
    from keras_gc.plots.results import Results

    one_of("name", name, FIGURES)
    results = Results.read(Path(folder) / name)
    module = importlib.import_module(f"keras_gc.plots.{FIGURES[name]}")
    draw = getattr(module, FIGURES[name])
    with style.print_style():
        return style.save(draw(results), results.folder / name)
