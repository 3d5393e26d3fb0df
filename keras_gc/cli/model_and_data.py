"""What `report` and `compare` read, and where they write."""

from pathlib import Path


def add_arguments(parser, out):
    """Add the options that both commands have.

    Args:
        parser: of the command.
        out: name of the page.
    """
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument(
        "--dataset", metavar="NAME", help="digits, mnist, cifar10, ..."
    )
    data.add_argument(
        "--data",
        type=Path,
        metavar="FILE.npz",
        help="arrays: `x` or one for each input, by name, and maybe `y`",
    )
    parser.add_argument(
        "--out", type=Path, default=Path(out), help="default: %(default)s"
    )
    parser.add_argument("--inputs", metavar="LAYER", help="measure from here")
    parser.add_argument("--outputs", metavar="LAYER", help="measure to here")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument(
        "--max-examples",
        type=int,
        default=1000,
        metavar="N",
        help="a random subset (default: %(default)s)",
    )
    parser.add_argument(
        "--rtol", type=float, help="stop at this relative standard error"
    )
    parser.add_argument("--seed", type=int, default=0)


def check_out(path):
    """Raise before any work if the page cannot be written.

    Args:
        path: of the page.

    Raises:
        ValueError: if its folder does not exist, or it is a folder.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(
            "`--out` must be a file in a folder that exists. Received: "
            f"--out={path}"
        )


def measurement(options):
    """Return the arguments of `keras_gc.report` that options set.

    Args:
        options: the parsed arguments.

    Returns:
        Dict.
    """
    names = ("inputs", "outputs", "batch_size", "max_examples", "rtol", "seed")
    return {name: getattr(options, name) for name in names}


def read(options, model):
    """Read the data that the options name.

    Args:
        options: the parsed arguments.
        model: the model that they are for.

    Returns:
        `(x, y)`, with y None where there is none.

    Raises:
        ValueError: if a file is not what it should be.
    """
    if options.dataset:
        import keras_gc

        data = keras_gc.datasets.load(options.dataset)
        x = data.x_test
        if len(model.input_shape) == 2:  # Dense layers, without a Flatten
            x = x.reshape((len(x), -1))
        return x, data.y_test
    arrays = _arrays(options.data)
    y = arrays.pop("y", None)
    if not arrays:
        raise ValueError(f"{options.data} holds no inputs.")
    return arrays.get("x", arrays), y


def _arrays(path):
    import zipfile

    import numpy as np

    if not path.exists():
        raise ValueError(f"No such file: {path}")
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} must be a file written by `numpy.savez`, and is not."
        )
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays}
