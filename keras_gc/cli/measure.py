"""`keras-gc measure`: geometric complexity of a saved model."""

import argparse
import sys
from typing import Any

from keras_gc.cli import model_and_data
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
    parser.add_argument("--estimator", default="auto")
    model_and_data.add_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command.

    Args:
        options: the parsed arguments.
    """
    import keras_gc

    model = model_and_data.load(options, options.model)
    x, _ = model_and_data.read(options, model, options.model, with_labels=False)
    estimate = keras_gc.geometric_complexity(
        model,
        _random_examples(x, options.max_examples, options.seed),
        estimator=options.estimator,
        **model_and_data.measurement(options),
        verbose=int(sys.stdout.isatty()),
    )
    print(estimate)


def _random_examples(x, count, seed):
    """Return a random part of the rows, all if there are fewer."""
    import keras
    import numpy as np

    if count is None:
        return x
    lengths = {len(np.atleast_1d(leaf)) for leaf in keras.tree.flatten(x)}
    chosen = np.random.default_rng(seed).permutation(min(lengths))[:count]
    return keras.tree.map_structure(lambda leaf: np.atleast_1d(leaf)[chosen], x)
