"""GCModel: keras.Model that computes GC in its train step."""

from typing import Any

import keras

from keras_gc import keras_seam
from keras_gc.logits import check_built
from keras_gc.models.gc_sequential import GCSequential
from keras_gc.models.gc_trainer import GCTrainer

_Functional: Any = keras_seam.functional_class()


@keras.saving.register_keras_serializable(package="keras_gc")
class GCModel(GCTrainer, keras.Model):
    """`keras.Model` with geometric complexity in training.

    Functional (`GCModel(inputs, outputs)`), subclassed
    (`class Net(GCModel)`) or around any model (`GCModel.from_model(model)`).
    All else is `keras.Model`: saving, cloning, exporting, callbacks.

    With f the logit network, GC the mean of `||df/dx||_F^2` over the batch,
    training minimises

        L + gc_weight * GC,

    `History` and the progress bar show `gc` (and `val_gc`) beside `loss`.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> inputs = keras.Input((4,))
    >>> hidden = keras.layers.Dense(8, activation="relu")(inputs)
    >>> model = keras_gc.GCModel(inputs, keras.layers.Dense(3)(hidden))
    >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> model.compile("adam", loss)
    >>> x, y = np.ones((8, 4)), np.zeros((8,))
    >>> history = model.fit(x, y, gc_weight=1e-3, verbose=0)
    >>> sorted(history.history)
    ['gc', 'loss', 'loss_without_gc']

    Reference: Dherin et al. 2022 (arXiv 2209.13083), Section 6.
    """

    def __new__(cls, *args, **kwargs):
        """Make a functional model where inputs and outputs are given."""
        if len(args) == 1 and isinstance(args[0], list | tuple):
            if any(isinstance(arg, keras.layers.Layer) for arg in args[0]):
                raise TypeError(
                    "`GCModel` takes `inputs` and `outputs`. For a list of "
                    "layers use `keras_gc.GCSequential(layers)`. Received: a "
                    f"{type(args[0]).__name__} of {len(args[0])} layers"
                )
        if cls is GCModel and _is_functional_call(args, kwargs):
            return _Functional.__new__(GCFunctional, *args, **kwargs)
        return super().__new__(cls)

    def __init__(self, *args, **kwargs):
        if not _is_functional_call(args, kwargs):
            super().__init__(*args, **kwargs)
            return
        # `class Net(GCModel)` that calls `super().__init__(inputs, outputs)`.
        # keras.Model would make every base functional for ever (keras#17270);
        # only the user's own class becomes a functional one here.
        _make_functional(type(self))
        GCFunctional.__init__(self, *args, **kwargs)

    @classmethod
    def from_model(cls, model: keras.Model) -> keras.Model:
        """Return a GCModel with the same layers and weights.

        Nothing is copied: training one trains the other. Call `compile` on
        the result: compile settings are not carried over. Of a subclassed
        model only `call` is used; an overridden `train_step` or
        `compute_loss` is ignored.

        Args:
            model: a built functional, Sequential or subclassed `keras.Model`.

        Returns:
            A `GCModel` (a `GCSequential` for a Sequential model).

        Raises:
            TypeError: if `model` is not a `keras.Model`.
            ValueError: if it is not built.

        Example:
        >>> import keras, keras_gc
        >>> inputs = keras.Input((4,))
        >>> plain = keras.Model(inputs, keras.layers.Dense(3)(inputs))
        >>> model = keras_gc.GCModel.from_model(plain)
        >>> model.weights[0] is plain.weights[0]
        True
        """
        check_built(model)
        if type(model).call is keras.Sequential.call:
            new = GCSequential(_with_input(model), name=model.name)
        elif type(model).call is _Functional.call:
            new = cls(model.input, model.output, name=model.name)
        else:  # a `call` of the user's
            new = GCWrapper(model, name=model.name)
        new.dtype_policy = model.dtype_policy
        return new


@keras.saving.register_keras_serializable(package="keras_gc")
class GCFunctional(_Functional, GCModel):
    """What `GCModel(inputs, outputs)` returns."""


@keras.saving.register_keras_serializable(package="keras_gc")
class GCWrapper(GCModel):
    """What `GCModel.from_model` returns for a subclassed model.

    Args:
        model: the model, kept as `self.model`.
        **kwargs: as `keras.Model` takes them.
    """

    def __init__(self, model: keras.Model, **kwargs: Any):
        super().__init__(**kwargs)
        self.model = model
        self.built = True
        shapes = self.get_build_config().get("input_shape")
        if shapes is not None:  # as if Keras had built and called it
            self.build(shapes)
            self(keras_seam.symbolic(shapes, self))

    def build(self, input_shape: Any) -> None:
        """Build nothing: the model within is built."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Call the model."""
        return self.model(inputs, training=training)

    def load_weights(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Load weights that this model saved, or the model within it.

        Args:
            filepath: path of the file.
            *args: as in `keras.Model.load_weights`.
            **kwargs: likewise.
        """
        try:
            super().load_weights(filepath, *args, **kwargs)
        except ValueError:
            self.model.load_weights(filepath, *args, **kwargs)

    def get_build_config(self) -> dict:
        """Return the shapes that the model was built with."""
        return self.model.get_build_config() or {}

    def get_config(self) -> dict:
        """Return the model's own config inside of this one's."""
        config = {"name": self.name}
        config["model"] = keras.saving.serialize_keras_object(self.model)
        return config

    @classmethod
    def from_config(cls, config: dict) -> "GCWrapper":
        """Return the wrapper from `get_config`'s result."""
        config = dict(config)
        model = keras.saving.deserialize_keras_object(config.pop("model"))
        return cls(model, **config)


# Files of the old .h5 format name a class without its package.
keras.saving.get_custom_objects().update({
    cls.__name__: cls for cls in (GCFunctional, GCSequential, GCWrapper)
})


def _with_input(sequential):
    """Return its layers, with the input that `layers` leaves out."""
    (x,) = getattr(sequential, "inputs", None) or (None,)
    if x is None:  # built from data
        return sequential.layers
    return [keras.Input(batch_shape=x.shape, dtype=x.dtype), *sequential.layers]


def _is_functional_call(args, kwargs):
    """The rule of `keras.Model`: inputs and outputs are given."""
    return (
        len(args) == 2
        or (len(args) == 1 and "outputs" in kwargs)
        or ("inputs" in kwargs and "outputs" in kwargs)
    )


def _make_functional(cls):
    """Put `GCFunctional` in the place of `GCModel` among a class's bases."""
    if cls is GCModel or issubclass(cls, GCFunctional):
        return
    bases = []
    for base in cls.__bases__:
        if base is GCModel:
            base = GCFunctional
        elif issubclass(base, GCModel):
            _make_functional(base)
        bases.append(base)
    cls.__bases__ = tuple(bases)
