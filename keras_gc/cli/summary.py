"""`keras-gc summary`: the verdicts of many experiments in one table."""

from pathlib import Path


def add_parser(commands):
    """Add the command.

    Args:
        commands: the subparsers of `keras-gc`.
    """
    parser = commands.add_parser(
        "summary",
        help="print all verdicts as a table",
        description="Print the verdicts of all experiments below a folder as "
        "a Markdown table.",
    )
    parser.add_argument("folder", type=Path, help="where the results lie")
    parser.set_defaults(run=run)


def run(options):
    """Run the command.

    Args:
        options: the parsed arguments.
    """
    from keras_gc.experiments.summary import summary

    print(summary(options.folder))
