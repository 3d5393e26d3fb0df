"""A case: a graph, an estimator, a mode and a law that must hold for them."""

import contextlib
import dataclasses
import warnings

import keras
import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from keras import layers

import keras_gc
from keras_gc import estimators
from tests.modes import BACKEND, MODES
from tests.oracles import double_precision
from tests.properties.graphs import (
    HEADS,
    KINDS,
    Graph,
    Oracle,
    build,
    data,
    graphs,
    reaches_all,
)

# Exact by themselves, or with as many probes as outputs.
EXACT = {
    "exact_reverse": lambda k: estimators.ExactReverse(),
    "exact_forward": lambda k: estimators.ExactForward(),
    "hutchinson_balanced": lambda k: estimators.Hutchinson(k, "balanced"),
}
# On average over the draws.
RANDOM = {
    "rademacher": lambda k: estimators.Hutchinson(2),
    "gaussian": lambda k: estimators.Hutchinson(2, "gaussian"),
    "sphere": lambda k: estimators.Hutchinson(1, "sphere"),
    "principal": lambda k: estimators.Hutchinson(1, "principal"),
    "balanced": lambda k: estimators.Hutchinson(1, "balanced"),
    "forward": lambda k: estimators.Hutchinson(2, mode="forward"),
    "sampled_outputs": lambda k: estimators.SampledOutputs(),
    "finite_difference": lambda k: estimators.FiniteDifference(2, 1e-3),
}
DRAWS = 400
# Relative; of sums of squares that the layers' own rounding enters.
ROUNDING = {"float32": 3e-4, "float64": 1e-7}


@dataclasses.dataclass(frozen=True)
class Case:
    law: str
    graph: Graph
    estimator: str
    mode: str


@st.composite
def cases(draw, law=None):
    law = law or draw(st.sampled_from(sorted(LAWS)))
    names = RANDOM if law == "expectation" else EXACT
    if law in {"gradient", "mean"}:
        mode = draw(st.sampled_from(MODES))
    else:  # what measures is never compiled by XLA on TensorFlow
        mode = draw(st.sampled_from([m for m in MODES if m != "xla"]))
    graph = draw(
        graphs(
            kinds=("vector", "padded", "padded_tokens")
            if law == "padding"
            else ("vector", "sequence", "padded")
            if law == "scaled_inputs"
            else KINDS,
            heads=HEADS if law != "expectation" else ("linear",),
        )
    )
    if mode == "xla":  # forward mode has no second derivative, and says so
        names = names.keys() - {"exact_forward"}
    estimator = draw(st.sampled_from(sorted(names)))
    if estimator == "finite_difference":
        graph = dataclasses.replace(graph, dtype="float64")
    return Case(law, graph, estimator, mode)


def check(case):
    """Raise AssertionError if the law does not hold."""
    # Names begin anew; to free memory each time would take most of it.
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(case.graph.seed)
    scopes = contextlib.ExitStack()
    with scopes, warnings.catch_warnings():
        # Heads are stepped over, inputs carried along: each is said.
        warnings.simplefilter("ignore", UserWarning)
        if case.graph.dtype == "float64":
            scopes.enter_context(double_precision())
        scopes.enter_context(running(case.mode))
        model, leaves = build(case.graph), data(case.graph)
        # Refused: tests/models/test_what_people_bring.py.
        is_padded = any("padded" == kind for kind in case.graph.inputs)
        assume(not (case.estimator == "finite_difference" and is_padded))
        oracle = Oracle(case.graph, model, leaves)
        norms = oracle.norms()
        # Nothing flows, or (behind LayerNormalization) nothing but rounding.
        assume(norms.min() > 1e-4)
        LAWS[case.law](case, model, leaves, oracle, norms)


@contextlib.contextmanager
def running(mode):
    """Measure in one of `MODES`; XLA is up to `compile`."""
    if mode != "eager" or BACKEND == "torch":
        yield
    elif BACKEND == "jax":
        import jax

        with jax.disable_jit():
            yield
    else:
        import tensorflow as tf

        tf.config.run_functions_eagerly(True)
        try:
            yield
        finally:
            tf.config.run_functions_eagerly(False)


def measured(case, model, leaves, **kwargs):
    make = {**EXACT, **RANDOM}[case.estimator]
    return keras_gc.jacobian_norms(
        model,
        leaves if len(leaves) > 1 else leaves[0],
        estimator=make(case.graph.num_outputs),
        inputs=case.graph.inputs_argument,
        seed=case.graph.seed,
        **kwargs,
    )


def close(case, actual, expected):
    np.testing.assert_allclose(
        actual, expected, rtol=ROUNDING[case.graph.dtype]
    )


def value(case, model, leaves, oracle, norms):
    close(case, measured(case, model, leaves), norms)


def expectation(case, model, leaves, oracle, norms):
    """Within six standard errors of the mean over many draws."""
    many = [np.repeat(leaf, DRAWS, axis=0) for leaf in leaves]
    values = measured(case, model, many, batch_size=len(many[0]))
    values = values.reshape(len(norms), DRAWS)
    # Balanced draws depend on each other and scatter less than this says.
    errors = values.std(axis=1) / DRAWS**0.5
    assert (
        np.abs(values.mean(axis=1) - norms) < 6 * errors + 2e-3 * norms
    ).all()


def batches(case, model, leaves, oracle, norms):
    """Neither the size of the batches nor the order of the rows matters."""
    order = np.random.default_rng(0).permutation(len(norms))
    shuffled = [leaf[order] for leaf in leaves]
    close(case, measured(case, model, shuffled, batch_size=2), norms[order])


def padding(case, model, leaves, oracle, norms):
    longer = [
        np.pad(leaf, [(0, 0), (0, 2)] + [(0, 0)] * (leaf.ndim - 2))
        if kind.startswith("padded")
        else leaf
        for kind, leaf in zip(case.graph.inputs, leaves, strict=True)
    ]
    if case.estimator == "hutchinson_balanced":  # K is another
        case = dataclasses.replace(case, estimator="exact_reverse")
    close(case, measured(case, model, longer), norms)


def scaled_outputs(case, model, leaves, oracle, norms):
    """GC(a f) = a^2 GC(f)."""
    for layer in model.layers:
        if layer.name.startswith("head_"):
            layer.set_weights([4 * w for w in layer.get_weights()])
    close(case, measured(case, model, leaves), 16 * norms)


def scaled_inputs(case, model, leaves, oracle, norms):
    """GC of x -> f(a x) at x / a is a^2 GC of f at x."""
    inputs = [keras.Input(x.shape[1:], dtype=x.dtype) for x in model.inputs]
    dtype = case.graph.dtype
    scaled = [layers.Rescaling(4.0, dtype=dtype)(x) for x in inputs]
    model = keras.Model(inputs, model(scaled if len(scaled) > 1 else scaled[0]))
    close(case, measured(case, model, [x / 4 for x in leaves]), 16 * norms)


def additivity(case, model, leaves, oracle, norms):
    """GC of all outputs together is the sum of that of each."""
    case = dataclasses.replace(case, estimator="exact_reverse")
    total = 0.0
    for output, head in zip(model.outputs, case.graph.heads, strict=True):
        part = dataclasses.replace(case.graph, heads=(head,))
        if reaches_all(part):
            alone = keras.Model(model.inputs, output)
            total = total + measured(case, alone, leaves)
        else:  # one that depends on some of the inputs alone
            both = [*model.outputs, output]
            alone = keras.Model(model.inputs, both)
            total = total + measured(case, alone, leaves) - norms
    close(case, total, norms)


def _compiled(case, model):
    trained = keras_gc.GCModel.from_model(model)
    trained.compile(
        keras.optimizers.SGD(1.0),
        loss=[_nothing] * len(model.outputs),
        gc_weight=1.0,
        gc_estimator=EXACT[case.estimator](case.graph.num_outputs),
        gc_inputs=case.graph.inputs_argument,
        run_eagerly=case.mode == "eager",
        jit_compile=case.mode in {"xla", "jit"},
    )
    return trained


def _nothing(y, y_pred):
    """A loss that is 0, so that the penalty stands alone."""
    return 0 * keras.ops.sum(y_pred, axis=-1)


def _batch(leaves, model):
    y = [np.zeros((len(leaves[0]), 1), "float32")] * len(model.outputs)
    return (
        leaves if len(leaves) > 1 else leaves[0],
        y if len(y) > 1 else y[0],
    )


def mean(case, model, leaves, oracle, norms):
    """The metric of `evaluate` is the mean."""
    logs = _compiled(case, model).test_on_batch(
        *_batch(leaves, model), return_dict=True
    )
    np.testing.assert_allclose(logs["gc"], norms.mean(), rtol=3e-4)


def gradient(case, model, leaves, oracle, norms):
    """A step moves the weights down the gradient of the mean norm."""
    rng = np.random.default_rng(2)
    directions = {
        name: [rng.normal(size=w.shape) for w in weights]
        for name, weights in oracle.weights.items()
    }
    expected = oracle.slope(directions)
    _compiled(case, model).train_on_batch(*_batch(leaves, model))
    slope, squared = 0.0, 0.0
    for layer in model.layers:
        for before, after, direction in zip(
            oracle.weights[layer.name], layer.get_weights(),
            directions[layer.name], strict=True,
        ):  # fmt: skip
            slope += np.sum((before - after) * direction)
            squared += np.sum((before - after) ** 2)
    # Weights of 1 hold a step only to their own rounding.
    tolerance = 1e-3 * squared**0.5 + 1e-5 * len(directions)
    assert abs(slope - expected) < tolerance, (slope, expected, tolerance)


LAWS = {
    law.__name__: law
    for law in (
        value, expectation, batches, padding, scaled_outputs, scaled_inputs,
        additivity, mean, gradient,
    )
}  # fmt: skip
