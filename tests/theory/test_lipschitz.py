import keras
import numpy as np
import pytest

from keras_gc import jacobian_norms
from keras_gc.theory.lipschitz import lipschitz_lower_bound
from tests.theory.numpy_networks import cnn, mlp, norm


def rng():
    return np.random.default_rng(1)


@pytest.mark.parametrize(
    "build", [mlp, cnn, lambda tanh: mlp(tanh, (9, 17), 18)]
)
def test_is_the_largest_norm_over_all_batches(build):
    model, network = build("tanh")
    x = rng().normal(size=(7, *model.input_shape[1:]))
    expected = max(norm(network.jacobian(row)) for row in x)
    value = lipschitz_lower_bound(model, x, batch_size=3)
    assert value == pytest.approx(expected, rel=1e-4)


def test_lies_between_the_frobenius_norms():
    model, _ = mlp()
    x = rng().normal(size=(20, 4))
    norms = jacobian_norms(model, x)
    value = lipschitz_lower_bound(model, x) ** 2
    assert norms.max() / 3 <= value <= norms.max() * (1 + 1e-5)


def test_no_two_points_differ_by_more_along_a_linear_model():
    model, _ = mlp("linear")
    x = rng().normal(size=(50, 4))
    y = np.asarray(model.predict(x, verbose=0))
    gains = np.linalg.norm(y[1:] - y[:-1], axis=1)
    gains /= np.linalg.norm(x[1:] - x[:-1], axis=1)
    assert gains.max() <= lipschitz_lower_bound(model, x[:1]) * (1 + 1e-4)


def test_measures_between_named_layers():
    model, network = mlp("linear")
    x = rng().normal(size=(1, 4))
    first, second, _ = (kernel for kernel, _ in network.weights)
    value = lipschitz_lower_bound(model, x, outputs="dense_1")
    assert value == pytest.approx(norm(first @ second), rel=1e-4)
    value = lipschitz_lower_bound(model, x, inputs="dense_0", outputs="dense_1")
    assert value == pytest.approx(norm(second), rel=1e-4)


def test_errors_say_what_is_needed():
    model, _ = mlp()
    with pytest.raises(TypeError, match=r"`model` must be a `keras\.Model`"):
        lipschitz_lower_bound(None, np.ones((1, 4)))
    with pytest.raises(ValueError, match="at least one example"):
        lipschitz_lower_bound(model, np.ones((0, 4)))
    with pytest.raises(ValueError, match="`outputs` must be the name"):
        lipschitz_lower_bound(model, np.ones((1, 4)), outputs="nowhere")
    with pytest.raises(ValueError, match="`batch_size` must be an int >= 1"):
        lipschitz_lower_bound(model, np.ones((1, 4)), batch_size=0)


def test_hidden_probabilities_are_refused():
    class Probabilities(keras.Model):
        def call(self, x):
            return keras.ops.softmax(x)

    model = Probabilities()
    model(np.ones((1, 4)))
    with pytest.raises(ValueError, match="measured on logits"):
        lipschitz_lower_bound(model, np.ones((1, 4)))
