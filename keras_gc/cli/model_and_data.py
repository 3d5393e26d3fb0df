"""What `measure`, `report` and `compare` read, and how they measure it."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_gc.cli import parser as types


def add_arguments(
    parser: argparse.ArgumentParser, max_examples: int | None = None
) -> None:
    """Add the options that these commands have in common.

    Args:
        parser: the parser of the command.
        max_examples: int or None for all, the default. Defaults to None.
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
        help="arrays: `x`, or one for each input, by name; maybe labels `y`",
    )
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="MODULE",
        help="import a module with layers of your own, which the model needs",
    )
    parser.add_argument("--inputs", metavar="LAYER", help="measure from here")
    parser.add_argument("--outputs", metavar="LAYER", help="measure to here")
    parser.add_argument("--batch-size", type=types.int_from(1), default=32)
    parser.add_argument(
        "--max-examples",
        type=types.int_from(1),
        default=max_examples,
        metavar="N",
        help=f"a random subset (default: {max_examples or 'all examples'})",
    )
    parser.add_argument(
        "--rtol",
        type=types.positive_number,
        help="stop at this relative standard error",
    )
    parser.add_argument("--seed", type=types.int_from(0), default=0)


def add_page_arguments(parser: argparse.ArgumentParser, page: str) -> None:
    """Add the options of the commands that write a page.

    Args:
        parser: the parser of the command.
        page: str, default name of the page.
    """
    add_arguments(parser, max_examples=1000)
    parser.add_argument(
        "--out",
        type=types.output_file,
        default=page,
        help="default: %(default)s",
    )


def load(options: argparse.Namespace, path: Path) -> Any:
    """Load a saved model, with what it needs of the user's own.

    Args:
        options: the parsed arguments.
        path: path of the model's file.

    Returns:
        A `keras.Model`.
    """
    from keras_gc.cli.loading import load_model

    return load_model(path, options.modules)


def measurement(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of a measurement that options set.

    Args:
        options: the parsed arguments.

    Returns:
        Dict.
    """
    names = ("inputs", "outputs", "batch_size", "rtol", "seed")
    return {name: getattr(options, name) for name in names}


def read(
    options: argparse.Namespace,
    model: Any,
    path: Path,
    *,
    with_labels: bool = True,
) -> tuple[Any, Any]:
    """Read the data that the options name.

    Args:
        options: the parsed arguments.
        model: `keras.Model`, which takes the data.
        path: path of the model's file.
        with_labels: bool, whether to read labels from a file of arrays.
            Defaults to True.

    Returns:
        `(x, y)`; y is None if there are none.
    """
    from keras_gc import datasets
    from keras_gc.cli.loading import load_arrays, load_labels

    inputs = getattr(model, "inputs", None) or []
    if options.dataset:
        data = datasets.load(options.dataset)
        shapes = [tuple(tensor.shape[1:]) for tensor in inputs]
        return _as_taken(data.x_test, shapes, options, path), data.y_test
    x = load_arrays(options.data, [tensor.name for tensor in inputs])
    return x, load_labels(options.data) if with_labels else None


def _as_taken(
    x: Any, shapes: Sequence[tuple], options: argparse.Namespace, path: Path
) -> Any:
    """Return images in the shape that a model takes, if it is known."""
    if len(shapes) != 1 or None in shapes[0]:  # the model itself will complain
        return x
    (shape,) = shapes
    if math.prod(shape) != math.prod(x.shape[1:]):
        raise ValueError(
            f"The model in {path} takes examples of shape {shape}, and those "
            f"of {options.dataset!r} have shape {x.shape[1:]}."
        )
    return x.reshape((-1, *shape))  # flat, for Dense layers without a Flatten
