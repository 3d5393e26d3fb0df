"""How many logits a model has, from the shapes of its inputs alone."""

from typing import Any

import keras

from keras_gc import keras_seam
from keras_gc.backend.scope import discard_updates
from keras_gc.estimators.estimator import flatten_rows
from keras_gc.logits.evaluation_point import input_structure


def symbolic_num_outputs(network: Any) -> int | None:
    """Return K, the number of logits of one example; None if it may change.

    Args:
        network: a `LogitNetwork`.

    Returns:
        int or None.

    Raises:
        ValueError: if the shapes of the model's inputs are not known.
    """
    x = symbolic_inputs(network.model)
    if x is None:
        raise ValueError(
            "The number of outputs must be known before training begins, and "
            f"the input shapes of model '{network.model.name}' are not. Call "
            "it on a batch of data once, or choose an estimator that needs no "
            "number of outputs: `gc_estimator='hutchinson'`."
        )
    return Rows(network).compute_output_spec(x).shape[1]


class Rows(keras.Operation):
    """The logits as one `(batch, K)` tensor; only its shape is asked for."""

    def __init__(self, network: Any):
        super().__init__(name="logit_rows")
        self.network = network

    def call(self, x: Any) -> Any:
        """Return the logits of a batch."""
        with discard_updates():
            point = self.network.point(x)
            return flatten_rows(self.network(point, x)[0])


def symbolic_inputs(model: keras.Model) -> Any:
    """Return symbolic inputs, or None where the model has no shapes."""
    structure = input_structure(model)
    if structure is not None:
        return structure
    shapes = (model.get_build_config() or {}).get("input_shape")
    return None if shapes is None else keras_seam.symbolic(shapes, model)
