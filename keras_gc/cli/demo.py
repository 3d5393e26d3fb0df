"""`keras-gc demo`: train at several weights of GC; a table and a figure."""

from pathlib import Path

from keras_gc.cli.parser import output_folder


def add_parser(commands):
    """Add the command.

    Args:
        commands: the subparsers of `keras-gc`.
    """
    parser = commands.add_parser(
        "demo",
        help="train a small model at several weights of GC",
        description="Train the same small network with GC in the loss at "
        "several weights, and without keras_gc for comparison. Prints a table "
        "and writes a figure.",
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
        help="folder of the results and the figure (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(options):
    """Run the command.

    Args:
        options: the parsed arguments.
    """
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeRemainingColumn

    from keras_gc.experiments import demo
    from keras_gc.plots.demo import plot_demo

    console = Console()
    plan = demo.Demo(
        options.dataset,
        weights=options.weights,
        epochs=options.epochs,
        max_train=options.max_train,
        seed=options.seed,
    )
    columns = (*Progress.get_default_columns()[:3], TimeRemainingColumn())
    with Progress(
        *columns, TextColumn("{task.fields[now]}"), console=console
    ) as progress:
        task = progress.add_task(options.dataset, total=plan.num_epochs, now="")
        rows = plan.run(lambda now: progress.update(task, advance=1, now=now))
    console.print(_table(plan, rows))
    results = demo.write(plan, rows, options.out)
    for path in plot_demo(results):
        console.print(f"Figure: {path}")


def _table(plan, rows):
    from rich.table import Table

    table = Table(title=plan.title)
    for heading in ("gc_weight", "train acc.", "test acc.", "GC", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            "plain Keras"
            if row["gc_weight"] is None
            else f"{row['gc_weight']:g}",
            f"{row['train_accuracy']:.4f}",
            f"{row['test_accuracy']:.4f}",
            f"{row['gc']:.3g} ± {row['gc_standard_error']:.1g}",
            f"{row['time_over_plain']:.2f}",
        )
    table.caption = (
        "GC: exact, on test examples. Time: fastest epoch, over plain Keras."
    )
    return table
