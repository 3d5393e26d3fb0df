"""The parser of the command line, and what its arguments may be.

What can be checked without Keras is checked here, before any work.
"""

import argparse
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from keras_gc import _validation


class Parser(argparse.ArgumentParser):
    """A parser that raises a sentence instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong.

        Args:
            message: str, what is wrong.

        Raises:
            ValueError: always.
        """
        choice = re.search(r"choice: '(.*)' \(choose from (.*)\)", message)
        if choice:
            names = re.findall(r"[\w-]+", choice[2])
            message += _validation.did_you_mean(choice[1], names)
        raise ValueError(f"{message} (see `{self.prog} --help`)")


def int_from(minimum: int) -> Callable[[str], int]:
    """Return the type of an argument that is an int.

    Args:
        minimum: int, the lowest allowed.

    Returns:
        Function from the argument to the int.
    """

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if value < minimum:
            raise argparse.ArgumentTypeError(
                f"it must be an int >= {minimum}. Received: "
                f"{_validation.shown(text)}"
            )
        return value

    return convert


def positive_number(text: str) -> float:
    """Return a finite number > 0.

    Args:
        text: str, the argument.

    Returns:
        float.

    Raises:
        argparse.ArgumentTypeError: if it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(
            "it must be a finite number > 0. Received: "
            f"{_validation.shown(text)}"
        )
    return value


def file(text: str) -> Path:
    """Return the path of a file that can be read.

    Args:
        text: str, the argument.

    Returns:
        Path.

    Raises:
        argparse.ArgumentTypeError: if there is none.
    """
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder, not a file")
    if not path.exists():
        raise argparse.ArgumentTypeError(f"no such file: {path}")
    if not os.access(path, os.R_OK):
        raise argparse.ArgumentTypeError(f"{path} cannot be read")
    return path


def dataset(text: str) -> str:
    """Return the name of a dataset.

    Args:
        text: str, the argument.

    Returns:
        str.

    Raises:
        argparse.ArgumentTypeError: if it is unknown.
    """
    from keras_gc import datasets

    try:
        return _validation.one_of("dataset", text, datasets.names())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def output_folder(text: str) -> Path:
    """Return the path of a folder that can be written, or made.

    Args:
        text: str, the argument.

    Returns:
        Path.

    Raises:
        argparse.ArgumentTypeError: if it cannot.
    """
    path = Path(text)
    nearest = next(
        folder for folder in (path, *path.absolute().parents) if folder.exists()
    )
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(
            f"nothing can be written to {path}: {nearest} is "
            + ("read-only" if nearest.is_dir() else "a file, not a folder")
        )
    return path


def output_file(text: str) -> Path:
    """Return the path of a file that can be written, or made.

    Args:
        text: str, the argument.

    Returns:
        Path.

    Raises:
        argparse.ArgumentTypeError: if it cannot.
    """
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder, not a file")
    if path.exists() and not os.access(path, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} is read-only")
    output_folder(str(path.parent))
    return path
