"""`keras-gc reproduce`: run an experiment of the paper, with a verdict."""

import argparse
from pathlib import Path
from typing import Any

from keras_gc.cli.parser import output_folder


def add_parser(commands: Any) -> None:
    """Add the command.

    Args:
        commands: argparse subparsers of `keras-gc`.
    """
    parser = commands.add_parser(
        "reproduce",
        help="reproduce a claim of the paper",
        description="Run the experiment behind a claim of the paper: settings "
        "x seeds, one row each; then its verdict and its figure. "
        "`keras-gc list` names them; `all` runs all.",
    )
    parser.add_argument("name", help="name of the experiment, or all")
    parser.add_argument("--dataset", help="(default: the scale's own)")
    parser.add_argument(
        "--scale",
        choices=("smoke", "small", "paper"),
        help="seconds; minutes on 2 cores; a GPU (default: smoke)",
    )
    parser.add_argument(
        "--network",
        help="mlp, lenet, resnet18 or vgg13 (default: the scale's own)",
    )
    parser.add_argument(
        "--seeds",
        type=_seeds,
        metavar="N or LIST",
        help="how many runs per setting, or their seeds: 3, or 10,11,12",
    )
    parser.add_argument(
        "--out",
        type=output_folder,
        default=Path("keras-gc-results"),
        help="folder of the results (default: %(default)s)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on in a folder that holds results, without repeating any; "
        "options that are not given are taken from there, seeds are added",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command.

    Args:
        options: argparse.Namespace, the parsed arguments.
    """
    from keras_gc import experiments, plots

    names = experiments.NAMES if options.name == "all" else [options.name]
    for name in names:
        verdict = experiments.reproduce(
            name,
            dataset=options.dataset,
            scale=options.scale,
            seeds=options.seeds,
            out=options.out,
            network=options.network,
            resume=options.resume,
        )
        print(f"{name}: {verdict}")
        for path in plots.plot(name, options.out):
            print(f"Figure: {path}")


def _seeds(text: str) -> int | list[int]:
    """Read "3" as a count and "10,11,12" (or "10,") as a list."""
    if "," not in text:
        return int(text)
    return [int(seed) for seed in text.split(",") if seed]
