"""The Jacobian of a model's logits with respect to its inputs."""

from collections.abc import Sequence

import keras

from keras_gc.logits import LogitNetwork, check_built, check_not_probabilities
from keras_gc.theory.jacobian import Jacobian


def logit_jacobian(
    model: keras.Model,
    inputs: str | Sequence[str] | None = None,
    outputs: str | None = None,
) -> Jacobian:
    """Return `J = df/dx` of the logits f, as a map on batches x.

    Args:
        model: `keras.Model`, built.
        inputs: str or list of str, names of layers at whose outputs the
            Jacobian is taken, or of some of the model's several inputs.
            Defaults to all real inputs.
        outputs: str, name of a layer whose output is taken for f. Defaults to
            the logits.

    Returns:
        A `Jacobian`.

    Raises:
        TypeError: if `model` is not a `keras.Model`.
        ValueError: if it is not built, or has no layer of that name.
    """
    network = LogitNetwork(model, inputs, outputs)
    check_built(model)

    def point_and_function(x):
        return network.point(x), lambda point: network(point, x)[0]

    return Jacobian(
        point_and_function, model.variables, check_not_probabilities
    )
