"""The command `keras-gc`: arguments first, Keras only when there is work."""

import argparse
import contextlib
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence

from keras_gc import _extras, _version
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
from keras_gc.cli.banner import without_banner
from keras_gc.cli.parser import Parser

# Errors whose message is enough; for others the type is printed too.
_TOLD = (ValueError, TypeError, OSError, RuntimeError, ModuleNotFoundError)
_COMMANDS = (
    demo, measure, report, compare, reproduce, plot, summary, bench, list_
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: sequence of str, the command line. Defaults to `sys.argv`.

    Returns:
        Exit status: 0, or 2 after a problem that is told in a sentence.
    """
    debug = False
    try:
        options = _parser().parse_args(arguments)
        debug = options.debug
        with _warnings_as_sentences():
            if not options.is_light:
                _import_keras(debug)
            with _extras.named():
                options.run(options)
    except KeyboardInterrupt:
        print("keras-gc: interrupted", file=sys.stderr)
        return 130
    # Whatever a file or a framework raises becomes a sentence, too.
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(f"keras-gc: {_sentence(error)}", file=sys.stderr)
        return 2
    return 0


def _import_keras(debug: bool) -> None:
    # TensorFlow's errors are shown, its remarks on CPU features are not.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with contextlib.nullcontext() if debug else without_banner():
        import keras

        keras.ops.zeros(())  # looks for devices, and prints what it finds


@contextlib.contextmanager
def _warnings_as_sentences() -> Iterator[None]:
    """Show a warning without the line of code that gave it."""
    usual = warnings.formatwarning
    warnings.formatwarning = lambda message, *_: f"keras-gc: {message}\n"
    try:
        yield
    finally:
        warnings.formatwarning = usual


def _sentence(error: Exception) -> str:
    """Return the error's message on one line of bounded length."""
    message = " ".join(str(error).split())
    if len(message) > 1000:
        message = f"{message[:1000]}... (`--debug` shows all of it)"
    if isinstance(error, _TOLD):
        return message
    return f"{type(error).__name__}: {message} (`--debug` shows where)"


def _parser() -> Parser:
    parser = Parser(
        prog="keras-gc",
        description="Geometric complexity of Keras models: measure it, watch "
        "it, train on it, and reproduce the paper.",
    )
    parser.add_argument(
        "--version", action="version", version=_version.__version__
    )
    parser.set_defaults(debug=False, is_light=False)
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    for command in _COMMANDS:
        command.add_parser(commands)
    for each in (parser, *commands.choices.values()):
        each.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,  # the other parser may have set it
            help="show the traceback of an error",
        )
    return parser
