import keras
import numpy as np
import pytest

from keras_gc import estimators
from keras_gc.theory.parameter_jacobian import parameter_jacobian_norms
from tests.theory.numpy_networks import cnn, mlp, randomize, squared


def rng():
    return np.random.default_rng(1)


@pytest.fixture(scope="module", params=["mlp", "cnn"])
def case(request):
    """A model, three examples, and the norms by layer from differences."""
    model, network = mlp("tanh") if request.param == "mlp" else cnn("tanh")
    x = rng().normal(size=(3, *model.input_shape[1:]))
    oracle = {
        name: np.array([squared(network.layer_jacobian(i, row)) for row in x])
        for i, name in enumerate(network.names)
    }
    return model, x, oracle


def test_each_layer_agrees_with_central_differences(case):
    model, x, oracle = case
    norms = parameter_jacobian_norms(model, x, per_layer=True)
    assert list(norms) == list(oracle)
    for name, values in oracle.items():
        np.testing.assert_allclose(norms[name], values, rtol=1e-4)


def test_the_whole_is_the_sum_of_the_layers(case):
    model, x, oracle = case
    np.testing.assert_allclose(
        parameter_jacobian_norms(model, x), sum(oracle.values()), rtol=1e-4
    )


class AllSigns(estimators.Hutchinson):
    """Every vector of signs once, in the place of random ones."""

    def draw(self, leaf, seed):
        size = leaf.shape[-1]
        signs = 1 - 2 * (np.arange(2**size)[:, None] >> np.arange(size) & 1)
        return keras.ops.cast(signs[:, None], leaf.dtype)


def test_random_probes_are_unbiased(case):
    model, x, oracle = case
    probes = AllSigns(num_probes=8)
    np.testing.assert_allclose(
        parameter_jacobian_norms(model, x, estimator=probes),
        sum(oracle.values()),
        rtol=1e-4,
    )


def test_a_seed_repeats_the_probes(case):
    model, x, _ = case
    first, second, other = (
        parameter_jacobian_norms(model, x, estimator="hutchinson", seed=seed)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert np.any(first != other)


def test_what_is_no_seed_raises(case):
    model, x, _ = case
    with pytest.raises(TypeError, match=r"`seed` must be.*seed=0\.5"):
        parameter_jacobian_norms(model, x, seed=0.5)


def test_many_logits_are_probed_by_default():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(33)])
    x = rng().normal(size=(4, 2))
    # grad_W f_k = h for each k and they do not meet: a probe is exact.
    np.testing.assert_allclose(
        parameter_jacobian_norms(model, x),
        33 * (1 + np.sum(x**2, axis=1)),
        rtol=1e-4,
    )


def test_tokens_need_no_derivative():
    model = keras.Sequential([
        keras.Input((1,), dtype="int32"),
        keras.layers.Embedding(5, 2, name="embedding"),
        keras.layers.Flatten(),
        keras.layers.Dense(3, use_bias=False, name="dense"),
    ])
    randomize(model)
    table, kernel = model.get_weights()
    norms = parameter_jacobian_norms(model, np.array([[4], [1]]), True)
    rows = np.sum(table[[4, 1]] ** 2, axis=1)
    np.testing.assert_allclose(norms["dense"], 3 * rows, rtol=1e-5)
    np.testing.assert_allclose(norms["embedding"], 2 * [squared(kernel)], 1e-5)


def test_a_softmax_is_stepped_over():
    model, _ = mlp()
    x = rng().normal(size=(3, 4))
    plain = parameter_jacobian_norms(model, x)
    model.layers[-1].activation = keras.activations.softmax
    with pytest.warns(UserWarning, match="stepped over"):
        norms = parameter_jacobian_norms(model, x)
    np.testing.assert_allclose(norms, plain, rtol=1e-5)


def test_inference_mode_and_an_unchanged_model():
    model = keras.Sequential([
        keras.Input((3,)),
        keras.layers.Dropout(0.5),
        keras.layers.BatchNormalization(epsilon=0.0, name="norm"),
    ])
    gamma, beta, mean, variance = rng().uniform(1, 2, size=(4, 3))
    model.set_weights([gamma, beta, mean, variance])
    before = model.get_weights()
    x = rng().normal(size=(5, 3))
    np.testing.assert_allclose(  # f = gamma (x - mean) / std + beta
        parameter_jacobian_norms(model, x),
        3 + np.sum((x - mean) ** 2 / variance, axis=1),
        rtol=1e-4,
    )
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_layers_of_one_name_are_told_apart_by_their_path():
    def block(name):
        inner = keras.layers.Dense(2, name="inner")
        return keras.Sequential([keras.Input((2,)), inner], name=name)

    model = keras.Sequential([keras.Input((2,)), block("a"), block("b")])
    norms = parameter_jacobian_norms(model, np.ones((1, 2)), per_layer=True)
    assert [path.split("/")[-2:] for path in norms] == [
        ["a", "inner"],
        ["b", "inner"],
    ]


def test_batches_give_one_value_an_example():
    model, _ = mlp()
    x = rng().normal(size=(5, 4))
    batches = ((part, np.zeros(len(part))) for part in (x[:3], x[3:]))
    np.testing.assert_array_equal(
        parameter_jacobian_norms(model, batches),
        parameter_jacobian_norms(model, x),
    )


def test_errors_say_what_is_needed():
    model, _ = mlp()
    with pytest.raises(TypeError, match=r"`model` must be a `keras\.Model`"):
        parameter_jacobian_norms("model", np.ones((1, 4)))
    with pytest.raises(ValueError, match="must be built"):
        unbuilt = keras.Sequential([keras.layers.Dense(1)])
        parameter_jacobian_norms(unbuilt, np.ones((1, 4)))
    with pytest.raises(ValueError, match="at least one example"):
        parameter_jacobian_norms(model, np.ones((0, 4)))
    model.trainable = False
    with pytest.raises(ValueError, match="must have trainable weights"):
        parameter_jacobian_norms(model, np.ones((1, 4)))
