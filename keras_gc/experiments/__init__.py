"""The claims of the paper, each an experiment with a verdict.

`keras-gc reproduce NAME` calls `reproduce(NAME)`. An experiment is a grid of
settings times seeds; each run adds one row to a results file, and the rows
alone decide the verdict and draw the figure.
"""

import ast
import importlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from keras_gc._validation import one_of

if TYPE_CHECKING:
    from keras_gc.experiments.experiment import Experiment
    from keras_gc.experiments.verdict import Verdict

# One module of `claims` each, in the order of the paper; the follow-ups and
# the comparison of all regularizers come last.
NAMES = (
    "interpolation",
    "arc_length",
    "initialization",
    "parameter_norm",
    "spectral_norm",
    "flatness",
    "learning_rate",
    "batch_size",
    "alignment",
    "noise",
    "explicit",
    "target",
    "double_descent",
    "transfer_theorem",
    "margin",
    "collapse",
    "sensitivity",
    "mislabelled",
    "robust_measure",
    "error_bars",
    "robustness",
    "regularizers",
)


def get(name: str) -> "Experiment":
    """Return an experiment by its name.

    Args:
        name: str, one of `NAMES`.

    Returns:
        The `Experiment`.
    """
    one_of("name", name, NAMES)
    # Parts of the package import each other through its public names, which
    # the command does not load until they are needed.
    importlib.import_module("keras_gc._public")
    module = importlib.import_module(f"keras_gc.experiments.claims.{name}")
    return module.EXPERIMENT


def names() -> dict[str, str]:
    """Return the name and the claim of every experiment.

    Returns:
        A dict from name to claim.
    """
    return {name: _claim(name) for name in NAMES}


def _claim(name: str) -> str:
    """Read the claim in an experiment's source, so that no Keras is needed."""
    file = resources.files(__name__).joinpath("claims", f"{name}.py")
    source = file.read_text("utf-8")
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
    seeds: int | Sequence[int] | None = None,
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
        name: str, one of `NAMES`.
        dataset: str, a name that `keras_gc.datasets.load` knows. Defaults to
            the scale's own ("digits", "mnist", "cifar10").
        scale: str, "smoke" (seconds), "small" (minutes on two cores) or
            "paper" (the paper's networks; meant for a GPU or TPU). Defaults to
            "smoke", or to that of the results to go on with.
        seeds: int or list of ints, how many seeds, from 0 on, or which.
            Defaults to 2 at "smoke", else 3.
        out: str or path, folder of all results. Defaults to "keras-gc-results".
        network: str, "mlp", "lenet", "resnet18" or "vgg13".
            Defaults to the scale's own.
        resume: bool, go on with the results in `out` and do the runs that are
            missing; arguments that are not given are taken from there, and new
            seeds are added. Several processes may do so at the same time.
            Defaults to False.
        progress: bool, whether to show the grid and the time left. Defaults to
            True.

    Returns:
        A `Verdict`; `print` shows it.

    Raises:
        FileExistsError: If `out` holds results and `resume` is false.
        ValueError: If it holds results of another configuration, or there is
            no such experiment, data set, scale or network.

    Example:
    >>> verdict = reproduce("learning_rate", scale="small")  # doctest: +SKIP
    >>> print(verdict)  # doctest: +SKIP
    """
    from keras_gc import datasets
    from keras_gc.experiments.experiment import (
        DEFAULT_DATASETS,
        DEFAULT_SEEDS,
        SCALES,
    )
    from keras_gc.experiments.store import Store

    # Check everything before anything is written.
    chosen, folder = get(name), Path(out) / name
    is_begun = resume and (folder / "config.json").exists()
    begun = Store(folder).config() if is_begun else {}
    scale = scale or begun.get("scale", SCALES[0])
    one_of("scale", scale, SCALES)
    dataset = dataset or begun.get("dataset") or DEFAULT_DATASETS[scale]
    one_of("dataset", dataset, datasets.names())
    if seeds is None:
        seeds = begun.get("seeds") or DEFAULT_SEEDS[scale]
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
