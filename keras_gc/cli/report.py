"""`keras-gc report`: a page about a saved model."""

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
        "report",
        help="write a page about a saved model",
        description="Measure a saved Keras model over a dataset's test "
        "examples, or over arrays of your own, and write one HTML page: GC, "
        "its distribution, by class, layer and input, and warnings in words.",
    )
    parser.add_argument("model", type=types.file, help="a .keras file")
    model_and_data.add_page_arguments(parser, "report.html")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command.

    Args:
        options: the parsed arguments.
    """
    import keras_gc._public

    model = model_and_data.load(options, options.model)
    x, y = model_and_data.read(options, model, options.model)
    report = keras_gc.report(
        model,
        x,
        y,
        max_examples=options.max_examples,
        **model_and_data.measurement(options),
        verbose=int(sys.stdout.isatty()),
    )
    report.save(options.out)
    print(report)
    print(f"Page: {options.out}")
