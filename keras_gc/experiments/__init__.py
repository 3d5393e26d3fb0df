"""The claims of the paper, each an experiment with a verdict.

`keras-gc reproduce NAME` calls `reproduce(NAME)`. An experiment is a grid of
settings times seeds; each run adds one row to a results file, and the rows
alone decide the verdict and draw the figure.
"""

import ast
import importlib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from keras_gc._validation import one_of

if TYPE_CHECKING:
    from keras_gc.experiments.experiment import Experiment
    from keras_gc.experiments.verdict import Verdict

# One module of this package for each, in the order of the paper; its
# follow-ups and all its regularizers together come last.
NAMES = (
    "interpolation",
    "initialization",
    "parameter_norm",
    "spectral_norm",
    "flatness",
    "learning_rate",
    "batch_size",
    "noise",
    "explicit",
    "double_descent",
    "transfer_theorem",
    "margin",
    "collapse",
    "regularizers",
)


def get(name: str) -> "Experiment":
    """Return an experiment by its name.

    Args:
        name: One of `NAMES`.

    Returns:
        The `Experiment`.
    """
    one_of("name", name, NAMES)
    # Parts of the package import each other through its public names, which
    # the command leaves for later: now they are due.
    importlib.import_module("keras_gc._public")
    module = importlib.import_module(f"keras_gc.experiments.{name}")
    return module.EXPERIMENT


def names() -> dict[str, str]:
    """Return the name and the claim of every experiment.

    Returns:
        A dict from name to claim.
    """
    return {name: _claim(name) for name in NAMES}


def _claim(name: str) -> str:
    """Read the claim in an experiment's source, so that no Keras is needed."""
    source = resources.files(__name__).joinpath(f"{name}.py").read_text()
    (claim,) = (
        ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.keyword) and node.arg == "claim"
    )
    return claim


def reproduce(
    name: str,
    dataset: str | None = None,
    scale: str | None = None,
    seeds: int | None = None,
    out: str | Path = "keras-gc-results",
    *,
    network: str | None = None,
    resume: bool = False,
    progress: bool = True,
) -> "Verdict":
    """Run one experiment and judge its claim.

    The results lie in the folder `out/name`: `config.json` (fixed before the
    first run), `rows.jsonl` (a line for each finished run) and
    `verdict.json`. A killed process loses at most the run in progress.

    Args:
        name: One of `NAMES`.
        dataset: A name that `keras_gc.datasets.load` knows. Default: the
            scale's own ("digits", "mnist", "cifar10").
        scale: "smoke" (seconds; the default), "small" (minutes on two cores)
            or "paper" (the paper's networks; meant for a GPU or TPU).
        seeds: How many seeds. Default: 2 at "smoke", else 3.
        out: Folder of all results.
        network: "mlp", "lenet", "resnet18" or "vgg13", in the place of the
            scale's own.
        resume: Go on with the results in `out` and do what is missing; what
            is not given above is theirs. Other processes may do the same at
            the same time.
        progress: Whether to show the grid and the time left.

    Returns:
        A `Verdict`; `print` shows it.

    Raises:
        FileExistsError: If `out` holds results and `resume` is false.
        ValueError: If it holds results of another configuration, or there is
            no such experiment, data set, scale or network.

    Example:
        verdict = keras_gc.experiments.reproduce("learning_rate")
        print(verdict)
    """
    from keras_gc import datasets
    from keras_gc.experiments.experiment import (
        DEFAULT_DATASETS,
        DEFAULT_SEEDS,
        SCALES,
    )
    from keras_gc.experiments.store import Store

    # All of it before anything is written.
    chosen, folder = get(name), Path(out) / name
    is_begun = resume and (folder / "config.json").exists()
    begun = Store(folder).config() if is_begun else {}
    scale = scale or begun.get("scale", SCALES[0])
    one_of("scale", scale, SCALES)
    dataset = dataset or begun.get("dataset") or DEFAULT_DATASETS[scale]
    one_of("dataset", dataset, datasets.names())
    if seeds is None:
        seeds = len(begun.get("seeds", [])) or DEFAULT_SEEDS[scale]
    if network := network or begun.get("network"):
        chosen = chosen.on(network)
    return chosen.reproduce(
        folder,
        dataset=dataset,
        scale=scale,
        seeds=seeds,
        resume=resume,
        progress=progress,
    )
