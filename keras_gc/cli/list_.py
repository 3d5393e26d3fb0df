"""`keras-gc list`: the experiments, and the datasets that they can use."""

import argparse
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command.

    Args:
        commands: the subparsers of `keras-gc`.
    """
    parser = commands.add_parser(
        "list",
        help="list the experiments and the datasets",
        description="List the claims that `keras-gc reproduce` checks, and "
        "the datasets that all commands know.",
    )
    parser.set_defaults(run=run, is_light=True)


def run(options: argparse.Namespace) -> None:
    """Run the command.

    Args:
        options: the parsed arguments.
    """
    from rich.console import Console
    from rich.table import Table

    from keras_gc import datasets, experiments

    table = Table(title="keras-gc reproduce NAME")
    table.add_column("name", no_wrap=True)
    table.add_column("claim")
    for name, claim in experiments.names().items():
        table.add_row(name, claim)
    console = Console()
    console.print(table)
    console.print(f"Datasets: {', '.join(datasets.names())}")
