"""`keras-gc measure`: geometric complexity of a saved model."""

from pathlib import Path


def add_parser(commands):
    """Add the command.

    Args:
        commands: the subparsers of `keras-gc`.
    """
    parser = commands.add_parser(
        "measure",
        help="measure a saved model",
        description="Measure the geometric complexity of a saved Keras model "
        "over a dataset's test examples, or over arrays of your own.",
    )
    parser.add_argument("model", type=Path, help="a .keras file")
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument(
        "--dataset", metavar="NAME", help="digits, mnist, cifar10, ..."
    )
    data.add_argument(
        "--data",
        type=Path,
        metavar="FILE.npz",
        help="arrays: `x`, or one for each input, by name",
    )
    parser.add_argument("--estimator", default="auto")
    parser.add_argument("--inputs", metavar="LAYER", help="measure from here")
    parser.add_argument("--outputs", metavar="LAYER", help="measure to here")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument(
        "--max-examples", type=int, metavar="N", help="a random subset"
    )
    parser.add_argument(
        "--rtol", type=float, help="stop at this relative standard error"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(run=run)


def run(options):
    """Run the command.

    Args:
        options: the parsed arguments.

    Raises:
        ValueError: if the files are not what they should be.
    """
    import keras

    import keras_gc

    if not options.model.exists():
        raise ValueError(
            f"No such file: {options.model}. Save a model with "
            "`model.save('FILE.keras')`."
        )
    model = keras.saving.load_model(options.model, compile=False)
    x = _dataset(options, model) if options.dataset else _arrays(options.data)
    estimate = keras_gc.geometric_complexity(
        model,
        x,
        estimator=options.estimator,
        inputs=options.inputs,
        outputs=options.outputs,
        batch_size=options.batch_size,
        rtol=options.rtol,
        seed=options.seed,
        verbose=1,
    )
    print(estimate)


def _dataset(options, model):
    import keras_gc

    data = keras_gc.datasets.load(
        options.dataset, max_test=options.max_examples, seed=options.seed
    )
    shape = tuple(model.input_shape[1:])
    if len(shape) == 1:  # a network of Dense layers, without a Flatten
        return data.x_test.reshape((len(data.x_test), -1))
    return data.x_test


def _arrays(path):
    import numpy as np

    with np.load(path) as arrays:
        names = list(arrays)
        if "x" in names:
            return arrays["x"]
        if not names:
            raise ValueError(f"{path} holds no arrays.")
        return {name: arrays[name] for name in names}
