"""`keras-gc summary`: the verdicts of many experiments in one table."""

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command.

    Args:
        commands: argparse subparsers of `keras-gc`.
    """
    parser = commands.add_parser(
        "summary",
        help="print all verdicts as a table",
        description="Print the verdicts of all experiments below a folder as "
        "a Markdown table.",
    )
    parser.add_argument("folder", type=Path, help="where the results lie")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command.

    Args:
        options: argparse.Namespace, the parsed arguments.
    """
    from keras_gc.experiments.summary import summary

    print(summary(options.folder))
