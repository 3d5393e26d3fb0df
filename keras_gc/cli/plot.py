"""`keras-gc plot`: draw an experiment's figure from its results."""

from pathlib import Path


def add_parser(commands):
    """Add the command.

    Args:
        commands: the subparsers of `keras-gc`.
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


def run(options):
    """Run the command.

    Args:
        options: the parsed arguments.
    """
    from keras_gc import plots

    for path in plots.plot(options.name, options.folder):
        print(f"Figure: {path}")
