"""What every loader returns."""

from typing import NamedTuple

import numpy as np


class Dataset(NamedTuple):
    """Images and labels, split into training and test examples.

    The input unit is the brightness of white: `x` is float32 from 0 (black)
    to 1 (white). Geometric complexity depends on that choice: inputs scaled
    by `a` divide the Jacobian by `a`. So the GC of the same function, as a
    function of pixels from 0 to 255, is smaller by a factor of 255^2.

    Attributes:
        name: str, the dataset's name, as given to `load`.
        x_train: float32 array of shape `(num_train, height, width, channels)`.
        y_train: int32 array of shape `(num_train,)`, the class of each image.
        x_test: float32 array of shape `(num_test, height, width, channels)`.
        y_test: int32 array of shape `(num_test,)`.
        num_classes: int; labels run from 0 to `num_classes - 1`.

    Example:
    >>> import keras_gc
    >>> keras_gc.datasets.load("digits")
    <Dataset 'digits': 1437 training and 360 test images (8, 8, 1), 10 classes>
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    num_classes: int

    def __repr__(self) -> str:
        return (
            f"<Dataset {self.name!r}: {len(self.x_train)} training and "
            f"{len(self.x_test)} test images {self.x_train.shape[1:]}, "
            f"{self.num_classes} classes>"
        )
