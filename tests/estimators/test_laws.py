"""The laws of the estimators, by enumerating all that they may draw."""

import itertools
import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_gc import estimators

K, D = 4, 3
A = np.random.default_rng(0).normal(size=(D, K)).astype("float32")
G = (A.T @ A).astype("float64")  # J J^T of the linear map x A, J = A^T
TRACE = np.trace(G)
DIAGONAL = np.diag(G)


def linear(x):
    return ops.matmul(x, A)


def on_zeros(estimator, batch, seed=0):
    """Values at `batch` points; the Jacobian of a linear map is the same."""
    x = ops.zeros((batch, D))
    return ops.convert_to_numpy(estimator(linear, x, seed)[1])


class Dealt(estimators.Hutchinson):
    """Hutchinson whose vectors are dealt out, one row each."""

    def draw(self, like, seed):
        vectors = np.array(
            list(itertools.product([-1.0, 1.0], repeat=like.shape[-1])),
            "float32",
        )
        return ops.convert_to_tensor(vectors)[None]


@pytest.mark.parametrize(
    ("mode", "gram"), [("reverse", G), ("forward", (A @ A.T).astype("float64"))]
)
def test_hutchinson_over_all_sign_vectors(mode, gram):
    values = on_zeros(Dealt(mode=mode), 2 ** len(gram)).astype("float64")
    np.testing.assert_allclose(values.mean(), TRACE, rtol=1e-6)
    variance = 2 * ((gram**2).sum() - (np.diag(gram) ** 2).sum())
    np.testing.assert_allclose(values.var(), variance, rtol=1e-5)


@pytest.mark.parametrize(
    ("probe", "variance"),
    [
        ("rademacher", 2 * ((G**2).sum() - (DIAGONAL**2).sum())),
        ("gaussian", 2 * (G**2).sum()),
        ("sphere", 2 * (K * (G**2).sum() - TRACE**2) / (K + 2)),
    ],
)
@pytest.mark.parametrize("num_probes", [1, 3])
def test_probes_have_the_stated_mean_and_variance(probe, variance, num_probes):
    """Within 4.5 standard errors of 20,000 draws: 1 false alarm in 10^5."""
    count = 20_000
    estimator = estimators.Hutchinson(num_probes, probe)
    values = on_zeros(estimator, count).astype("float64")
    variance = variance / num_probes
    error = np.sqrt(variance / count)
    assert abs(values.mean() - TRACE) < 4.5 * error
    centred = (values - values.mean()) ** 2
    assert abs(centred.mean() - variance) < 4.5 * centred.std() / count**0.5


def test_one_output_needs_one_sign():
    def first(x):
        return linear(x)[:, :1]

    _, values = estimators.Hutchinson()(first, ops.zeros((5, D)), seed=1)
    np.testing.assert_allclose(
        ops.convert_to_numpy(values), np.full(5, DIAGONAL[0]), rtol=1e-5
    )


def with_means(means, num_samples=1):
    estimator = estimators.SampledOutputs(num_samples)
    estimator.build(K)
    estimator.mean_squares.assign(np.asarray(means, "float32"))
    return estimator


def test_sampled_outputs_over_all_outputs():
    estimator = with_means([1.0, 2.0, 3.0, 0.0])
    p = ops.convert_to_numpy(estimator.probabilities()).astype("float64")
    np.testing.assert_allclose(p.sum(), 1, rtol=1e-6)
    np.testing.assert_allclose(p, 0.9 * np.array([1, 2, 3, 0]) / 6 + 0.1 / 4)
    estimator.draw = lambda *_: ops.reshape(ops.arange(K), (1, K))
    values = on_zeros(estimator, K).astype("float64")
    np.testing.assert_allclose(values, DIAGONAL / p, rtol=1e-5)
    np.testing.assert_allclose(p @ values, TRACE, rtol=1e-5)
    variance = (DIAGONAL**2 / p).sum() - TRACE**2
    np.testing.assert_allclose(p @ (values - TRACE) ** 2, variance, rtol=1e-4)


def test_draws_are_balanced_and_each_example_sees_each_output():
    estimator = with_means([0.5, 0.25, 0.125, 0.125])
    p = ops.convert_to_numpy(estimator.probabilities())
    outputs = np.random.default_rng(2).normal(size=(8, K)).astype("float32")
    seed = keras.random.SeedGenerator(0)
    seen = np.zeros((8, K))
    for _ in range(200):
        drawn = estimator.draw(ops.convert_to_tensor(outputs), seed)
        drawn = np.eye(K)[ops.convert_to_numpy(drawn)[0]]
        # Two runs, each as even as can be.
        assert (np.abs(drawn.sum(axis=0) - 8 * p) < 2).all()
        seen += drawn
    # Each example by itself draws i with p_i: 5 standard errors.
    error = np.sqrt(p * (1 - p) / 200)
    assert (np.abs(seen / 200 - p) < 5 * error).all()


def test_probabilities_follow_the_squared_gradients():
    estimator = estimators.SampledOutputs()
    for step in range(20):
        values = on_zeros(estimator, 16, seed=step)
    means = ops.convert_to_numpy(estimator.mean_squares)
    np.testing.assert_allclose(means, DIAGONAL, rtol=1e-5)
    # In proportion to G_ii, each draw is nearly the whole (the floor is not).
    p = 0.9 * DIAGONAL / TRACE + 0.1 / K
    assert np.ptp(values) <= np.ptp(DIAGONAL / p) + 1e-3


def test_a_batch_with_nan_does_not_spoil_the_next():
    estimator = estimators.SampledOutputs()
    on_zeros(estimator, 16)
    before = ops.convert_to_numpy(estimator.mean_squares)

    def broken(x):
        return linear(x) * np.float32("nan")

    _, values = estimator(broken, ops.zeros((16, D)), seed=1)
    assert np.isnan(ops.convert_to_numpy(values)).all()
    np.testing.assert_array_equal(
        ops.convert_to_numpy(estimator.mean_squares), before
    )


def test_all_outputs_at_most():
    with pytest.raises(ValueError, match="at most the number of outputs, 4"):
        on_zeros(estimators.SampledOutputs(5), 2)


def test_one_estimator_serves_one_number_of_outputs():
    estimator = with_means(np.ones(K))
    with pytest.raises(ValueError, match="built for 4 outputs"):
        estimator(lambda x: x, ops.zeros((2, D)))


def test_halving_the_step_quarters_the_bias_of_finite_differences():
    """For f(x) = x^2 at 1, E (f(1 + s v) - f(1))^2 / s^2 = 4 + 3 s^2."""

    def square(x):
        return x**2

    x = ops.ones((200_000, 1))
    for step in (0.4, 0.2):
        _, values = estimators.FiniteDifference(1, step)(square, x, seed=0)
        values = ops.convert_to_numpy(values).astype("float64")
        error = values.std() / np.sqrt(len(values))
        assert abs(values.mean() - (4 + 3 * step**2)) < 4.5 * error


@pytest.mark.parametrize(
    "estimator", [estimators.ExactReverse(), estimators.ExactForward()]
)
def test_exact_estimators_of_a_linear_map(estimator):
    np.testing.assert_allclose(on_zeros(estimator, 3), TRACE, rtol=1e-6)


@pytest.mark.parametrize(
    "estimator",
    [
        estimators.ExactReverse(),
        estimators.ExactForward(),
        estimators.Hutchinson(3, "sphere", "forward"),
        estimators.SampledOutputs(2),
        estimators.FiniteDifference(2, 0.5),
    ],
    ids=repr,
)
class TestSerialization:
    def test_config_survives_json(self, estimator):
        config = keras.saving.serialize_keras_object(estimator)
        again = estimators.get(json.loads(json.dumps(config)))
        assert type(again) is type(estimator)
        assert again.get_config() == estimator.get_config()

    def test_get_takes_class_and_instance(self, estimator):
        assert estimators.get(estimator) is estimator
        assert isinstance(estimators.get(type(estimator)), type(estimator))

    def test_passes_are_counted(self, estimator):
        passes = estimator.num_passes(num_outputs=10, num_inputs=784)
        assert (
            passes
            == {
                "ExactReverse": 10,
                "ExactForward": 784,
                "Hutchinson": 3,
                "SampledOutputs": 2,
                "FiniteDifference": 2,
            }[type(estimator).__name__]
        )


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: estimators.Hutchinson(0), ValueError, "num_probes"),
        (lambda: estimators.Hutchinson(1.5), TypeError, "num_probes"),
        (lambda: estimators.Hutchinson(probe="cube"), ValueError, "gaussian"),
        (lambda: estimators.Hutchinson(mode="back"), ValueError, "reverse"),
        (lambda: estimators.SampledOutputs(0), ValueError, "num_samples"),
        (lambda: estimators.FiniteDifference(1, 0.0), ValueError, "step_size"),
        (lambda: estimators.FiniteDifference(1, "x"), TypeError, "step_size"),
        (lambda: estimators.get("exact"), ValueError, "exact_reverse"),
        (lambda: estimators.get(3), TypeError, "Estimator"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
