"""`keras-gc measure`: geometric complexity of a saved model."""

import argparse
import math
import sys
from typing import Any

from keras_gc.cli import parser as types


def add_parser(commands: Any) -> None:
    """Add the command.

    Args:
        commands: the subparsers of `keras-gc`.
    """
    parser = commands.add_parser(
        "measure",
        help="measure a saved model",
        description="Measure the geometric complexity of a saved Keras model "
        "over a dataset's test examples, or over arrays of your own.",
    )
    parser.add_argument("model", type=types.file, help="a .keras or .h5 file")
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument(
        "--dataset",
        type=types.dataset,
        metavar="NAME",
        help="digits, mnist, cifar10, ...",
    )
    data.add_argument(
        "--data",
        type=types.file,
        metavar="FILE.npz",
        help="arrays: `x`, or one for each input, by name",
    )
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="MODULE",
        help="import a module with layers of your own, which the model needs",
    )
    parser.add_argument("--estimator", default="auto")
    parser.add_argument("--inputs", metavar="LAYER", help="measure from here")
    parser.add_argument("--outputs", metavar="LAYER", help="measure to here")
    parser.add_argument("--batch-size", type=types.int_from(1), default=32)
    parser.add_argument(
        "--max-examples",
        type=types.int_from(1),
        metavar="N",
        help="measure on a random subset of N examples",
    )
    parser.add_argument(
        "--rtol",
        type=types.positive_number,
        help="stop at this relative standard error",
    )
    parser.add_argument("--seed", type=types.int_from(0), default=0)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command.

    Args:
        options: the parsed arguments.
    """
    import keras_gc
    from keras_gc.cli.loading import load_model

    model = load_model(options.model, options.modules)
    x = _dataset(options, model) if options.dataset else _data(options, model)
    estimate = keras_gc.geometric_complexity(
        model,
        x,
        estimator=options.estimator,
        inputs=options.inputs,
        outputs=options.outputs,
        batch_size=options.batch_size,
        rtol=options.rtol,
        seed=options.seed,
        verbose=int(sys.stdout.isatty()),
    )
    print(estimate)


def _dataset(options, model):
    """Return the test images, in the shape that the model takes."""
    from keras_gc import datasets

    x = datasets.load(
        options.dataset, max_test=options.max_examples, seed=options.seed
    ).x_test
    inputs = getattr(model, "inputs", None) or []
    shapes = [tuple(tensor.shape[1:]) for tensor in inputs]
    if len(shapes) != 1 or None in shapes[0]:  # the model itself will complain
        return x
    (shape,) = shapes
    if math.prod(shape) != math.prod(x.shape[1:]):
        raise ValueError(
            f"The model in {options.model} takes examples of shape {shape}, "
            f"and those of {options.dataset!r} have shape {x.shape[1:]}."
        )
    return x.reshape((-1, *shape))  # flat, for Dense layers without a Flatten


def _data(options, model):
    """Return the arrays of a file, or a random part of their rows."""
    import keras
    import numpy as np

    from keras_gc.cli.loading import load_arrays

    inputs = getattr(model, "inputs", None) or []
    x = load_arrays(options.data, [tensor.name for tensor in inputs])
    if options.max_examples is None:
        return x
    rows = np.random.default_rng(options.seed)
    lengths = {len(np.atleast_1d(leaf)) for leaf in keras.tree.flatten(x)}
    chosen = rows.permutation(min(lengths))[: options.max_examples]
    return keras.tree.map_structure(lambda leaf: np.atleast_1d(leaf)[chosen], x)
