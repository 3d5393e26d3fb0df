"""`keras-gc plot`: draw an experiment's figure from its results."""

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command.

    Args:
        commands: argparse subparsers of `keras-gc`.
    """
    parser = commands.add_parser(
        "plot",
        help="draw a figure from results",
        description="Draw the figure of an experiment from its result files.",
    )
    parser.add_argument("name", help="name of the experiment")
    parser.add_argument(
        "folder",
        type=Path,
        help="the folder that `reproduce --out` was given",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command.

    Args:
        options: argparse.Namespace, the parsed arguments.
    """
    from keras_gc import plots

    for path in plots.plot(options.name, options.folder):
        print(f"Figure: {path}")
