"""The command `keras-gc`: arguments first, Keras only when there is work."""

import argparse
import os
import sys
from collections.abc import Sequence

from keras_gc import _version
from keras_gc.cli import (
    bench,
    compare,
    demo,
    list_,
    measure,
    plot,
    report,
    reproduce,
    summary,
)

_COMMANDS = (
    demo, measure, report, compare, reproduce, plot, summary, bench, list_
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line. Defaults to `sys.argv`'s.

    Returns:
        Exit status: 0, or 1 after a problem that is told in a sentence.
    """
    options = _parser().parse_args(arguments)
    # TensorFlow would begin with lines about CPU flags and missing GPUs.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        options.run(options)
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        print(f"keras-gc: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("keras-gc: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keras-gc",
        description="Geometric complexity of Keras models: measure it, watch "
        "it, train on it, and reproduce the paper.",
    )
    parser.add_argument(
        "--version", action="version", version=_version.__version__
    )
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser
