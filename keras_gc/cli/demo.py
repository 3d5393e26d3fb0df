"""`keras-gc demo`: train at several weights of GC; a table and a figure."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_gc.cli.parser import output_folder

if TYPE_CHECKING:
    from rich.table import Table


def add_parser(commands: Any) -> None:
    """Add the command.

    Args:
        commands: argparse subparsers of `keras-gc`.
    """
    parser = commands.add_parser(
        "demo",
        help="train a small model at several weights of GC",
        description="Train the same small network with GC in the loss at "
        "several weights; 0 is plain Keras. Prints a table and writes a "
        "figure.",
    )
    parser.add_argument(
        "--dataset",
        default="digits",
        help="digits (default, offline), mnist, fashion_mnist, cifar10, ...",
    )
    parser.add_argument(
        "--weights",
        type=float,
        nargs="+",
        metavar="W",
        help="weights of GC (default: 0 and five more)",
    )
    parser.add_argument("--epochs", type=int, help="passes over the data")
    parser.add_argument(
        "--max-train",
        type=int,
        metavar="N",
        help="train on a random subset of N examples",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out",
        type=output_folder,
        default=Path("keras-gc-results/demo"),
        help="folder of the results and the figure, one for each data set "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on in a folder that holds results, without repeating any",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command.

    Args:
        options: argparse.Namespace, the parsed arguments.
    """
    from rich.console import Console

    from keras_gc import plots
    from keras_gc.experiments.demo import demo
    from keras_gc.experiments.store import Store

    folder = options.out / options.dataset
    demo(
        options.dataset,
        weights=options.weights,
        epochs=options.epochs,
        max_train=options.max_train,
    ).reproduce(
        folder,
        dataset=options.dataset,
        scale="small",
        seeds=[options.seed],
        resume=options.resume,
    )
    console = Console()
    console.print(_table(Store(folder).rows()))
    for path in plots.draw("demo", folder):
        console.print(f"Figure: {path}")


def _table(rows: list[dict]) -> "Table":
    from rich.table import Table

    result = rows[0]["result"]
    table = Table(
        title=f"{result['num_train']} training examples",
        caption="GC: exact, on test examples. What a step costs: keras-gc "
        "bench.",
    )
    for heading in ("gc_weight", "train acc.", "test acc.", "GC"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        weight, result = row["setting"]["gc_weight"], row["result"]
        table.add_row(
            f"{weight:g}" if weight else "0 (plain Keras)",
            f"{result['train_accuracy']:.4f}",
            f"{result['test_accuracy']:.4f}",
            f"{result['gc']:.3g}",
        )
    return table
