"""What `report` and `compare` read, and where they write."""

import argparse
from typing import Any

from keras_gc.cli import parser as types


def add_arguments(parser: argparse.ArgumentParser, out: str) -> None:
    """Add the options that both commands have.

    Args:
        parser: the parser of the command.
        out: str, default name of the page.
    """
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
        help="arrays: `x` or one for each input, by name, and maybe `y`",
    )
    parser.add_argument(
        "--out",
        type=types.output_file,
        default=out,
        help="default: %(default)s",
    )
    parser.add_argument("--inputs", metavar="LAYER", help="measure from here")
    parser.add_argument("--outputs", metavar="LAYER", help="measure to here")
    parser.add_argument("--batch-size", type=types.int_from(1), default=32)
    parser.add_argument(
        "--max-examples",
        type=types.int_from(1),
        default=1000,
        metavar="N",
        help="a random subset (default: %(default)s)",
    )
    parser.add_argument(
        "--rtol",
        type=types.positive_number,
        help="stop at this relative standard error",
    )
    parser.add_argument("--seed", type=types.int_from(0), default=0)


def measurement(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `keras_gc.report` that options set.

    Args:
        options: the parsed arguments.

    Returns:
        Dict.
    """
    names = ("inputs", "outputs", "batch_size", "max_examples", "rtol", "seed")
    return {name: getattr(options, name) for name in names}


def read(options: argparse.Namespace, model: Any) -> tuple[Any, Any]:
    """Read the data that the options name.

    Args:
        options: the parsed arguments.
        model: `keras.Model`, which takes the data.

    Returns:
        `(x, y)`; y is None if the file holds none.
    """
    import numpy as np

    from keras_gc import datasets
    from keras_gc.cli.loading import load_arrays

    if options.dataset:
        data = datasets.load(options.dataset)
        x = data.x_test
        if len(model.input_shape) == 2:  # Dense layers, without a Flatten
            x = x.reshape((len(x), -1))
        return x, data.y_test
    inputs = getattr(model, "inputs", None) or []
    x = load_arrays(options.data, [tensor.name for tensor in inputs])
    with np.load(options.data) as file:
        return x, file["y"] if "y" in file.files else None
