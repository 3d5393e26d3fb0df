"""One call for every dataset, wherever it comes from."""

import numpy as np

from keras_gc import _extras, _validation
from keras_gc.datasets import digits, tfds
from keras_gc.datasets.dataset import Dataset

_SOURCES = {name: source for source in (digits, tfds) for name in source.NAMES}


def names() -> tuple[str, ...]:
    """Return the names that `load` knows.

    Returns:
        A tuple of names; `"digits"`, the first, needs no network.

    Example:
    >>> import keras_gc
    >>> keras_gc.datasets.names()
    ('digits', 'mnist', 'fashion_mnist', 'cifar10', 'cifar100')
    """
    return tuple(_SOURCES)


def load(
    name: str,
    *,
    max_train: int | None = None,
    max_test: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Load a dataset as arrays, with inputs scaled to [0, 1].

    `"digits"` (8x8 greyscale, 10 classes) is part of scikit-learn and works
    offline; the split, 80% of each class for training, is ours. `"mnist"`,
    `"fashion_mnist"`, `"cifar10"` and `"cifar100"` come from TensorFlow
    Datasets with their standard splits. It downloads them once, into the folder
    named by the environment variable `TFDS_DATA_DIR`.

    The input unit is the brightness of white; see `Dataset` for what that
    means for geometric complexity.

    Args:
        name: str, one of `keras_gc.datasets.names()`.
        max_train: int >= 1, size of a random subset of the training examples.
            With the same `seed` a smaller subset is part of a larger one.
            Defaults to None: all of them.
        max_test: int >= 1, the same for the test examples. Defaults to None.
        seed: int >= 0, seed of the random subsets. Defaults to 0.

    Returns:
        A `Dataset`.

    Raises:
        ValueError: if the name is unknown, a maximum is below 1 or the seed
            below 0.
        TypeError: if a maximum or the seed is not an int.
        RuntimeError: if the dataset is not stored and cannot be downloaded.
        ModuleNotFoundError: if the extra that reads it is not installed.

    Example:
    >>> import keras_gc
    >>> data = keras_gc.datasets.load("digits", max_train=100)
    >>> data.x_train.shape, data.x_test.shape, data.num_classes
    ((100, 8, 8, 1), (360, 8, 8, 1), 10)
    """
    source = _SOURCES[_validation.one_of("name", name, names())]
    if max_train is not None:
        _validation.positive_int("max_train", max_train)
    if max_test is not None:
        _validation.positive_int("max_test", max_test)
    _validation.integer("seed", seed, minimum=0)

    with _extras.named():
        train, test, num_classes = source.read(name)
    x_train, y_train = _subset(train, max_train, seed)
    x_test, y_test = _subset(test, max_test, seed)
    return Dataset(
        name=name,
        x_train=_scaled(x_train, source.WHITE),
        y_train=y_train.astype("int32"),
        x_test=_scaled(x_test, source.WHITE),
        y_test=y_test.astype("int32"),
        num_classes=num_classes,
    )


def _subset(
    examples: tuple, size: int | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    x, y = examples
    if size is None:
        return x, y
    chosen = np.random.default_rng(seed).permutation(len(y))[:size]
    return x[chosen], y[chosen]


def _scaled(x: np.ndarray, white: int) -> np.ndarray:
    return x.astype("float32") / np.float32(white)
