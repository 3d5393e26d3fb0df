"""GC by layer, and the bounds that stand beside it."""

import dataclasses

import keras
import numpy as np

from keras_gc import theory
from keras_gc.reporting.facts import Layer, Mean
from keras_gc.reporting.layer_meter import LayerMeter
from keras_gc.theory.parameter_jacobian import layers_with_weights

# The bounds take many products for each example.
_TRANSFER_EXAMPLES = 16
_LIPSCHITZ_EXAMPLES = 64
_LARGEST_MATRIX = 2**24
# K times the weights: beyond, a page would wait for minutes.
_LARGEST_MODEL = 2e8


@dataclasses.dataclass
class LayerFacts:
    """What is known of the layers; see `Facts` for the meaning."""

    layers: tuple[Layer, ...] = ()
    embedding: str | None = None
    spectral_bound: float | None = None
    lipschitz_lower_bound: float | None = None


def layer_facts(network, sample, gc, num_outputs, num_inputs, notes, seed):
    """Measure the layers on a few examples.

    Args:
        network: a `LogitNetwork` that has run.
        sample: batches of examples.
        gc: `Mean`, GC of the logits.
        num_outputs: K.
        num_inputs: d.
        notes: list, to which is added what was left out and why.
        seed: int or None.

    Returns:
        `LayerFacts`.
    """
    model = network.model
    facts = LayerFacts()
    x = _joined(sample)
    few = _rows(x, 0, _LIPSCHITZ_EXAMPLES)
    size = num_outputs * max(model.count_params(), num_inputs)

    def attempt(what, function):
        if size > _LARGEST_MODEL:
            notes.append(
                f"{what}: left out, as it would take minutes for a "
                "model of this size. It is in `keras_gc.theory`."
            )
            return None
        try:
            return function()
        except (ValueError, TypeError, RuntimeError) as error:
            reason = str(error).split("Received:")[0].strip()
            notes.append(f"{what}: not available. {reason}")
            return None

    facts.lipschitz_lower_bound = attempt(
        "Lipschitz lower bound",
        lambda: theory.lipschitz_lower_bound(
            model,
            few,
            inputs=network.inputs,
            outputs=network.outputs,
            batch_size=max(1, _LARGEST_MATRIX // (num_outputs * num_inputs)),
        ),
    )
    shares = {}
    if network.inputs is None and network.outputs is None:
        facts.spectral_bound = attempt(
            "Spectral bound", lambda: theory.spectral_bound(model)
        )
        shares = attempt(
            "Shares by the transfer bound",
            lambda: _shares(model, _rows(x, 0, _TRANSFER_EXAMPLES)),
        )
    else:
        notes.append(
            "Spectral bound and transfer bound: left out, as they hold from "
            "the model's inputs to its logits."
        )
    facts.layers = tuple(_measured(network, x, gc, shares or {}, seed))
    if len(facts.layers) > 1:
        facts.embedding = facts.layers[-2].name
    return facts


def _measured(network, x, gc, shares, seed):
    """Yield the layers with weights, the one that ends in the logits last."""
    layers = [
        layer
        for layer in network.model.layers
        if layer.weights and layer.name not in np.atleast_1d(network.inputs)
    ]
    meter = LayerMeter(network, layers, x, seed)
    values = _in_batches(meter, x) if meter.shapes else {}
    for column, (layer, shape) in enumerate(meter.shapes.items()):
        # Zeros when measured from an inner layer: it comes before that one.
        if network.inputs is None or values[:, column].any():
            mean = Mean.of(values[:, column])
            yield _layer(layer, shape, mean, shares)
    if meter.last is not None:
        yield _layer(*meter.last, gc, shares)


def _layer(layer, shape, gc, shares):
    weights = layer.count_params()
    share = shares.get(id(layer))
    return Layer(layer.name, type(layer).__name__, shape, weights, gc, share)


def _in_batches(meter, x):
    step = min(meter.batch_size, 32)
    count = len(keras.tree.flatten(x)[0])
    parts = [meter(_rows(x, at, at + step)) for at in range(0, count, step)]
    return np.concatenate(parts)


def _shares(model, x):
    """Return the mean of `T_i / sum_j T_j` for the layers of the model."""
    bound = theory.transfer_bound(model, x)
    total = sum(bound.factors.values())
    owners = layers_with_weights(model)
    shares = {}
    for name, factors in bound.factors.items():
        variable = owners[name][1][0]
        for layer in model.layers:  # inner models count as one
            if any(v is variable for v in layer.trainable_variables):
                share = np.divide(
                    factors, total, out=np.zeros_like(total), where=total > 0
                )
                shares[id(layer)] = shares.get(id(layer), 0.0) + share.mean()
    return {key: float(share) for key, share in shares.items()}


def _joined(batches):
    return keras.tree.map_structure(
        lambda *leaves: keras.ops.concatenate(leaves, axis=0), *batches
    )


def _rows(x, start, stop):
    return keras.tree.map_structure(lambda leaf: leaf[start:stop], x)
