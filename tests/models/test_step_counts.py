"""What a step with GC computes: counts, which no busy machine disturbs."""

import keras
import numpy as np
import pytest

import keras_gc
from tests.modes import BACKEND

if BACKEND == "torch":
    pytest.skip("torch traces nothing", allow_module_level=True)

X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
Y = np.zeros((8,), "int32")
NUM_LAYERS, NUM_OUTPUTS = 3, 4
PASSES = {"hutchinson": 1, "exact_reverse": NUM_OUTPUTS}


def compiled_mlp(**gc):
    """A network of `NUM_LAYERS` Dense layers, and what counts its traces."""
    widths = [5] * (NUM_LAYERS - 1)
    model = keras_gc.GCSequential([
        keras.Input((6,)),
        *(keras.layers.Dense(width, activation="tanh") for width in widths),
        keras.layers.Dense(NUM_OUTPUTS),
    ])
    traces, train_step = [], model.train_step

    def counted(*args):
        traces.append(args)
        return train_step(*args)

    model.train_step = counted
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # On JAX a step is traced only if it is jitted.
    model.compile("sgd", loss, jit_compile=BACKEND == "jax", **gc)
    return model, traces


def multiplications(model):
    """Return how many matrix products a train step takes once compiled."""
    model.train_on_batch(X, Y)
    data = (keras.ops.convert_to_tensor(X), keras.ops.convert_to_tensor(Y))
    if BACKEND == "tensorflow":
        import tensorflow as tf

        step = tf.function(lambda: model.train_step(data))
        graph = step.get_concrete_function().graph.as_graph_def()
        nodes = [graph.node, *(f.node_def for f in graph.library.function)]
        return sum(node.op == "MatMul" for part in nodes for node in part)
    import jax

    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    state = tuple([v.value for v in group] for group in groups)
    lowered = jax.jit(model.train_step).lower(state, data)
    return lowered.compile().as_text().count(" dot(")


@pytest.mark.parametrize("estimator", PASSES)
def test_a_pass_of_a_penalty_takes_the_products_of_a_plain_step(estimator):
    plain, _ = compiled_mlp(gc_metric=False)
    penalised, _ = compiled_mlp(gc_weight=0.1, gc_estimator=estimator)
    of_plain = multiplications(plain)
    # Forward, weights' gradients, and back through all layers but the first.
    assert of_plain == 3 * NUM_LAYERS - 1
    more = multiplications(penalised) - of_plain
    assert 0 < more <= 3 * NUM_LAYERS * PASSES[estimator]


TRACES = {
    "watched": ({}, 2),  # a step that measures, and one between
    "watched in each batch": ({"gc_fraction": 1}, 1),
    "weight": ({"gc_weight": 0.1}, 1),
    "target": ({"gc_target": 1.0}, 1),
}


@pytest.mark.parametrize("kind", TRACES)
def test_fit_traces_a_step_once(kind):
    gc, number = TRACES[kind]
    model, traces = compiled_mlp(**gc)
    for _ in range(2):
        model.fit(X, Y, batch_size=4, epochs=2, verbose=0)
    assert len(traces) == number
