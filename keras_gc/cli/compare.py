"""`keras-gc compare`: saved models side by side."""

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
        "compare",
        help="write a page that compares saved models",
        description="Measure saved Keras models on the same examples, rank "
        "them by embedding GC, and write one HTML page.",
    )
    parser.add_argument(
        "models", type=types.file, nargs="+", help=".keras files"
    )
    model_and_data.add_page_arguments(parser, "compare.html")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command.

    Args:
        options: the parsed arguments.
    """
    import keras_gc._public

    models = [model_and_data.load(options, path) for path in options.models]
    x, y = model_and_data.read(options, models[0], options.models[0])
    comparison = keras_gc.compare(
        dict(zip(_names(options.models), models, strict=True)),
        x,
        y,
        max_examples=options.max_examples,
        **model_and_data.measurement(options),
        verbose=int(sys.stdout.isatty()),
    )
    comparison.save(options.out)
    print(comparison)
    print(f"Page: {options.out}")


def _names(paths):
    """Name models by their file names, or by their paths if two agree."""
    stems = [path.stem for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    return [str(path) for path in paths]
