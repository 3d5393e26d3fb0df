"""`keras-gc bench`: what GC costs, in units of a plain train step."""

import argparse
import itertools
from typing import Any

from keras_gc.cli.parser import output_file


def add_parser(commands: Any) -> None:
    """Add the command.

    Args:
        commands: the subparsers of `keras-gc`.
    """
    parser = commands.add_parser(
        "bench",
        help="time train steps with GC against plain ones",
        description="Time a train step with each way of computing GC, and with "
        "each heuristic, against the plain train step, all in one process, in "
        "turn. Prints the ratio of the medians and writes them as JSON lines.",
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        metavar="NET",
        help="mlp, mlp-1000 (1000 outputs), cnn, resnet18 or vit; mlp and cnn "
        "by default",
    )
    parser.add_argument(
        "--paths",
        nargs="+",
        metavar="PATH",
        help="ways to train beside the plain one, as the table names them; "
        "all that cost at most 32 plain steps by default",
    )
    parser.add_argument(
        "--jit", action="store_true", help="compile with XLA (TensorFlow, JAX)"
    )
    parser.add_argument(
        "--memory",
        action="store_true",
        help="peak memory of exact GC with 1000 classes instead of times",
    )
    parser.add_argument(
        "--noise",
        nargs="*",
        metavar="TASK",
        help="noise of each estimator, in the weight gradient of a penalty and "
        "in the value, on trained networks instead of times; all tasks by "
        "default: digits-mlp, mnist-mlp, mnist-cnn, mnist-pairs-mlp (100 "
        "classes), cifar10-mlp, cifar10-cnn",
    )
    parser.add_argument(
        "--dtypes",
        nargs="+",
        metavar="DTYPE",
        help="dtype policies; float32 by default",
    )
    parser.add_argument("--batch-size", type=int, help="128 by default")
    parser.add_argument("--repeats", type=int, help="20 by default")
    parser.add_argument(
        "--out", type=output_file, help="a .jsonl file to append to"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command.

    Args:
        options: the parsed arguments.
    """
    from rich.console import Console

    _check(options)
    if options.batch_size is None:
        options.batch_size = 128
    if options.repeats is None:
        options.repeats = 20
    if options.memory:
        table = _memory(options)
    elif options.noise is not None:
        table = _noise(options)
    else:
        table = _step_cost(options)
    Console().print(table)


def _check(options):
    """Raise for options that what is measured does not look at."""
    if options.memory and options.noise is not None:
        raise ValueError("`--memory` and `--noise` are two commands.")
    unused = []
    if options.memory or options.noise is not None:
        unused = ["networks", "paths", "jit", "dtypes"]
    if options.memory:
        unused += ["batch_size", "repeats"]
    for name in unused:
        value = getattr(options, name)
        if value not in (None, False):
            raise ValueError(
                f"`--{name.replace('_', '-')}` is for timing steps, and has no "
                f"meaning with `{'--memory' if options.memory else '--noise'}`."
                f" Received: {name}={value}"
            )


def _memory(options):
    from rich.table import Table

    from keras_gc.benchmarks.memory import memory

    table = Table("what", "MiB", "ratio", title="Peak memory")
    for row in memory(options.out):
        table.add_row(
            row["what"], f"{row['peak_mib']:.0f}", f"{row['ratio']:.2f}"
        )
    return table


def _noise(options):
    from rich.table import Table

    from keras_gc.benchmarks.noise import TASKS, noise

    table = Table(title="Relative mean squared error of one estimate")
    for heading in ("task", "estimator", "passes", "weight gradient", "value"):
        table.add_column(heading, justify="right")
    for task in options.noise or TASKS:
        for row in noise(
            task,
            batch_size=options.batch_size,
            num_draws=options.repeats,
            out=options.out,
        ):
            table.add_row(
                row["task"],
                row["estimator"],
                str(row["passes"]),
                f"{row['gradient_noise']:.4f}"
                f" ± {row['gradient_noise_error']:.4f}",
                f"{row['value_noise']:.5f}",
            )
    return table


def _step_cost(options):
    from rich.table import Table

    from keras_gc.benchmarks.step_cost import step_cost

    table = Table(title="Train step, in units of the plain one")
    for heading in (
        "network",
        "dtype",
        "path",
        "bound",
        "ratio",
        "ms",
        "compile s",
        "traces",
    ):
        table.add_column(heading, justify="right")
    for network, dtype in itertools.product(
        options.networks or ("mlp", "cnn"), options.dtypes or ("float32",)
    ):
        for row in step_cost(
            network,
            paths=options.paths,
            jit_compile=options.jit or "auto",
            dtype=dtype,
            batch_size=options.batch_size,
            repeats=options.repeats,
            out=options.out,
        ):
            table.add_row(
                row["network"],
                row["dtype"],
                row["path"],
                f"{row['bound']:g}",
                f"{row['ratio']:.2f}",
                f"{1000 * row['seconds']:.1f}",
                f"{row['compile_seconds']:.1f}",
                str(row["traces"]),
            )
    return table
