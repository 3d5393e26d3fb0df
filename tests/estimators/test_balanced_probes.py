"""Balanced probes, by enumerating all that may be dealt."""

import itertools

import numpy as np
import pytest
from keras import ops

from keras_gc import estimators
from keras_gc.estimators import balanced_probes, probes
from tests.modes import MODES, compiled

K = 3
RNG = np.random.default_rng(0)
OUTPUTS = RNG.normal(size=(7, K)) * [1.0, 2.0, 0.5]
OUTPUTS = OUTPUTS.astype("float32")
# Neither in the order of the prediction, nor a multiple of K.
PREDICTED = OUTPUTS.argmax(axis=1)


def all_deals(count, ends):
    """Yield all that `deal` may return, each with its probability.

    The random number that moves the offsets matters only as far as it decides
    between which of the `ends` of the cumulated probabilities a quantile lies:
    one value stands for each interval.
    """
    runs = -(-count // K)
    golden = (np.sqrt(5) - 1) / 2 * np.arange(runs)
    edges = np.ravel(K * np.reshape(ends, (-1, 1)) - golden)
    edges = np.unique(np.concatenate([[0, 1], edges % 1, -golden % 1]))
    orders = list(itertools.permutations(range(K)))
    for low, high in itertools.pairwise(edges):
        offsets = np.repeat(((low + high) / 2 + golden) % 1, K)[:count]
        for dealt in itertools.product(orders, repeat=runs):
            weight = (high - low) / len(orders) ** runs
            yield np.concatenate(dealt)[:count], offsets, weight


def axes_and_probabilities(probe, batch):
    if probe == "balanced":
        return np.eye(K), np.full(K, 1 / K)
    outputs = ops.convert_to_tensor(OUTPUTS[:batch])
    axes, deviations = balanced_probes.principal_axes(outputs)
    p = balanced_probes.with_floor(deviations)
    return ops.convert_to_numpy(axes), ops.convert_to_numpy(p)


@pytest.fixture
def enumerated(monkeypatch):
    """A function from a probe's name to all its draws and their weights."""

    def draws(probe, num_probes, batch):
        outputs = OUTPUTS[:batch]
        vectors, weights, ends = [], [], []
        if probe == "principal":  # the other one has no quantiles
            ends = np.cumsum(axes_and_probabilities(probe, batch)[1])[:-1]
        for dealt, offsets, weight in all_deals(num_probes * batch, ends):
            monkeypatch.setattr(
                balanced_probes,
                "deal",
                lambda *_, d=dealt, o=offsets: (
                    ops.convert_to_tensor(d),
                    ops.convert_to_tensor(o.astype("float32")),
                ),
            )
            law = probes.get(probe)
            drawn = law(ops.convert_to_tensor(outputs), num_probes, 0)
            vectors.append(ops.convert_to_numpy(drawn).astype("float64"))
            weights.append(weight)
        np.testing.assert_allclose(np.sum(weights), 1, rtol=1e-6)
        return np.array(vectors), np.array(weights)

    return draws


@pytest.mark.parametrize("num_probes", [1, 2])
@pytest.mark.parametrize("probe", ["balanced", "principal"])
def test_each_vector_of_each_example_is_unbiased(enumerated, probe, num_probes):
    batch = {1: 5, 2: 2}[num_probes]  # two runs, the second cut short
    vectors, weights = enumerated(probe, num_probes, batch)
    mean = np.einsum("e,enbi,enbj->nbij", weights, vectors, vectors)
    expected = np.broadcast_to(np.eye(K), (num_probes, batch, K, K))
    np.testing.assert_allclose(mean, expected, atol=2e-6)


def test_the_variance_of_a_sum_over_the_batch(enumerated):
    """`sum_r sum_{b, k} D_bk^2 / (K - 1)`, D doubly centred, a run r each.

    Where the Gram matrices of a run have the same diagonal it is 0; drawn
    independently, it would be `sum_b (K sum_k G_kk^2 - (tr G)^2)`.
    """
    batch = 6
    diagonals = [1.0, 2.0, 4.0] + RNG.uniform(size=(batch, K))
    vectors, weights = enumerated("balanced", 1, batch)
    sums = np.einsum("ebk,bk->e", vectors[:, 0] ** 2, diagonals)
    np.testing.assert_allclose(weights @ sums, diagonals.sum(), rtol=1e-6)
    variance = weights @ (sums - diagonals.sum()) ** 2
    expected = 0.0
    for run in np.split(np.argsort(PREDICTED[:batch], kind="stable"), 2):
        values = K * diagonals[run]
        centred = (
            values
            - values.mean(axis=0)
            - values.mean(axis=1, keepdims=True)
            + values.mean()
        )
        expected += (centred**2).sum() / (K - 1)
    np.testing.assert_allclose(variance, expected, rtol=1e-5)
    independent = K * (diagonals**2).sum() - (diagonals.sum(1) ** 2).sum()
    assert 0 < variance < 0.2 * independent


@pytest.mark.parametrize("probe", ["balanced", "principal"])
def test_the_variance_of_one_example(enumerated, probe):
    """`sum_i (u_i^T G u_i)^2 / p_i - (tr G)^2`, as if it were drawn alone."""
    gram = np.cov(RNG.normal(size=(K, 9)))
    vectors, weights = enumerated(probe, 1, 3)
    values = np.einsum("ebi,ij,ebj->eb", vectors[:, 0], gram, vectors[:, 0])
    axes, p = axes_and_probabilities(probe, 3)
    squares = np.einsum("ki,ij,kj->k", axes, gram, axes) ** 2
    expected = (squares / p).sum() - np.trace(gram) ** 2
    np.testing.assert_allclose(
        weights @ (values - np.trace(gram)) ** 2, expected, rtol=0.02
    )


def test_all_examples_of_a_linear_map_together_are_exact():
    matrix = RNG.normal(size=(4, K)).astype("float32")
    x = RNG.normal(size=(4 * K, 4)).astype("float32")
    estimator = estimators.Hutchinson(probe="balanced")
    for seed in range(5):
        _, values = estimator(lambda x: ops.matmul(x, matrix), x, seed)
        values = ops.convert_to_numpy(values)
        np.testing.assert_allclose(values.mean(), (matrix**2).sum(), 1e-5)
        assert values.std() > 0.1 * values.mean()


@pytest.mark.parametrize("mode", MODES)
def test_runs_are_permutations_and_all_equally_likely(mode):
    def draw(x):
        dealt, offsets = balanced_probes.deal(2 + 3 * 3000, 3, 5)
        return dealt, offsets + 0 * x

    dealt, offsets = compiled(mode, draw)(ops.zeros(()))
    offsets = ops.convert_to_numpy(offsets)
    assert len(dealt) == len(offsets) == 9002
    runs = ops.convert_to_numpy(dealt)[:9000].reshape(-1, 3)
    np.testing.assert_array_equal(np.sort(runs, axis=1), [[0, 1, 2]] * 3000)
    _, counts = np.unique(runs @ [9, 3, 1], return_counts=True)
    # 5 standard errors of a share of 1/6.
    assert len(counts) == 6
    assert np.abs(counts - 500).max() < 5 * np.sqrt(3000 * 5 / 36)
    assert (offsets[:9000].reshape(-1, 3) == offsets[:9000:3, None]).all()
    counts, _ = np.histogram(offsets[:9000:3], bins=30, range=(0, 1))
    assert np.abs(counts - 100).max() <= 3  # evenly spread


def test_examples_of_one_prediction_get_different_vectors():
    predicted = np.array([2, 0, 1, 0, 2, 1, 0, 2, 1])
    outputs = np.eye(K, dtype="float32")[predicted]
    vectors = probes.get("balanced")(ops.convert_to_tensor(outputs), 1, 4)
    drawn = ops.convert_to_numpy(vectors)[0].argmax(axis=1)
    for label in range(K):
        assert sorted(drawn[predicted == label]) == [0, 1, 2]


@pytest.mark.parametrize("probe", ["balanced", "principal"])
@pytest.mark.parametrize(
    "outputs",
    [np.zeros((4, K)), np.full((4, K), np.nan), np.full((4, K), 1e30)],
    ids=["constant", "nan", "huge"],
)
def test_outputs_without_information_do_not_matter(probe, outputs):
    law = probes.get(probe)
    vectors = law(ops.convert_to_tensor(outputs.astype("float32")), 3, 0)
    vectors = ops.convert_to_numpy(vectors)
    # 3 vectors of 3: each example has a basis.
    for example in range(4):
        basis = vectors[:, example]
        np.testing.assert_allclose(basis @ basis.T, K * np.eye(K), atol=1e-4)


@pytest.mark.parametrize("probe", ["balanced", "principal"])
def test_forward_mode_has_no_outputs_to_look_at(probe):
    with pytest.raises(ValueError, match="must be one of .*rademacher"):
        estimators.Hutchinson(probe=probe, mode="forward")
