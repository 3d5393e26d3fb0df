"""GCSequential: keras.Sequential that computes GC in its train step."""

import keras

from keras_gc.models.gc_trainer import GCTrainer


@keras.saving.register_keras_serializable(package="keras_gc")
class GCSequential(GCTrainer, keras.Sequential):
    """`keras.Sequential` with geometric complexity in training.

    See `keras_gc.GCModel` for what `compile` and `fit` take.

    Example:
    >>> import keras, keras_gc
    >>> model = keras_gc.GCSequential(
    ...     [keras.Input((3,)), keras.layers.Dense(2)]
    ... )
    >>> model.compile("sgd", "mse", gc_weight=1e-3)
    """
