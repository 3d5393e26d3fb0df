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
    "arc_length": "arc",
    "initialization": "depth",
    "parameter_norm": "settings",
    "spectral_norm": "settings",
    "flatness": "settings",
    "learning_rate": "settings",
    "batch_size": "settings",
    "alignment": "alignments",
    "noise": "settings",
    "explicit": "settings",
    "target": "settings",
    "double_descent": "widths",
    "transfer_theorem": "inequality",
    "margin": "margins",
    "collapse": "scatter",
    "sensitivity": "responses",
    "mislabelled": "detectors",
    "robust_measure": "shares",
    "error_bars": "coverage",
    "robustness": "responses",
    "regularizers": "heuristics",
}


@_extras.named()
def plot(name: str, folder: str | Path) -> list[Path]:
    """Draw the figure of one experiment.

    Args:
        name: str, name of the experiment, as given to `keras-gc reproduce`.
        folder: str or path, the folder given to `keras-gc reproduce --out`; the
            results lie in `folder/name`, and so will the figure.

    Returns:
        The files written: a PDF (vectors, for print) and a PNG.

    Raises:
        ValueError: If there is no such experiment.
        FileNotFoundError: If `folder` holds no results of it.
        ModuleNotFoundError: If Matplotlib is not installed.
    """
    return draw(FIGURES[one_of("name", name, FIGURES)], Path(folder) / name)


def draw(figure: str, folder: Path) -> list[Path]:
    """Draw one kind of figure.

    Args:
        figure: str, the kind, a module of this package.
        folder: path, where the results lie.

    Returns:
        The files written, a PDF and a PNG named as the folder.

    Raises:
        FileNotFoundError: If `folder` holds no results.
    """
    from keras_gc.plots import style
    from keras_gc.plots.results import Results

    results = Results.read(folder)
    module = importlib.import_module(f"keras_gc.plots.{figure}")
    with style.print_style():
        drawn = getattr(module, figure)(results)
        return style.save(drawn, folder / folder.name)
