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
    parser.add_argument(
        "--predictors",
        action="store_true",
        help="instead, score GC and other measures by what they tell of the "
        "generalisation gap of all networks there",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command.

    Args:
        options: argparse.Namespace, the parsed arguments.
    """
    from keras_gc.experiments.predictors import predictor_table
    from keras_gc.experiments.summary import summary

    table = predictor_table if options.predictors else summary
    print(table(options.folder))
