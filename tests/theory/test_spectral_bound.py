import keras
import numpy as np
import pytest
from keras import layers

from keras_gc import jacobian_norms
from keras_gc.theory.spectral_bound import LIPSCHITZ_CONSTANTS, spectral_bound
from tests.theory.numpy_networks import cnn, jacobian, mlp, norm, randomize


def rng():
    return np.random.default_rng(1)


def sequential(shape, *stack):
    model = keras.Sequential([keras.Input(shape), *stack])
    randomize(model)
    return model


def test_is_the_product_of_the_norms_of_dense_layers():
    model, network = mlp()
    product = np.prod([norm(kernel) ** 2 for kernel, _ in network.weights])
    assert spectral_bound(model) == pytest.approx(3 * product, rel=1e-4)


def test_is_limited_by_the_smaller_of_inputs_and_outputs():
    model, network = mlp(units=(6, 5), num_inputs=2)
    product = np.prod([norm(kernel) ** 2 for kernel, _ in network.weights])
    assert spectral_bound(model) == pytest.approx(2 * product, rel=1e-4)


def test_a_convolution_counts_with_its_true_padding_and_strides():
    model, network = cnn()
    product = np.prod([norm(kernel) ** 2 for kernel, _ in network.weights[1:]])
    operator = jacobian(lambda h: network.z(0, h), np.zeros((5, 4, 2)))
    expected = 3 * product * norm(operator) ** 2
    assert spectral_bound(model) == pytest.approx(expected, rel=2e-4)


def test_equality_for_a_multiple_of_a_rotation():
    rotation = np.linalg.qr(rng().normal(size=(4, 4)))[0]
    model = sequential((4,), layers.Dense(4, use_bias=False))
    model.set_weights([3 * rotation])
    assert spectral_bound(model) == pytest.approx(4 * 9, rel=1e-4)
    assert jacobian_norms(model, np.ones((1, 4)))[0] == pytest.approx(36)


def test_batch_normalization_is_folded_into_the_layer_before():
    model = sequential(
        (3,), layers.Dense(3), layers.BatchNormalization(), layers.ReLU()
    )
    dense, bn, _ = model.layers
    gamma, variance = np.array([1.0, 10.0, 1.0]), np.array([1.0, 4.0, 1.0])
    bn.set_weights([gamma, np.ones(3), np.ones(3), variance])
    kernel = np.diag([5.0, 0.1, 0.1])  # large where gamma is not
    dense.set_weights([kernel, np.zeros(3)])
    scale = gamma / np.sqrt(variance + bn.epsilon)
    expected = 3 * norm(kernel * scale) ** 2
    assert expected < norm(kernel) ** 2 * max(scale) ** 2
    assert spectral_bound(model) == pytest.approx(expected, rel=1e-4)


def test_batch_normalization_behind_an_activation_stands_alone():
    model = sequential(
        (3,), layers.Dense(3, "relu"), layers.BatchNormalization()
    )
    bn = model.layers[1]
    gamma = np.array([1.0, 3.0, 2.0])
    bn.set_weights([gamma, np.zeros(3), np.zeros(3), np.ones(3)])
    kernel = model.get_weights()[0]
    expected = 3 * norm(kernel) ** 2 * 9 / (1 + bn.epsilon)
    assert spectral_bound(model) == pytest.approx(expected, rel=1e-4)


ZOO = {
    "pooling": lambda: [
        layers.Conv2D(3, 3, activation="relu"),
        layers.MaxPooling2D(3, strides=1),
        layers.BatchNormalization(),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(2),
    ],
    "activations": lambda: [
        layers.DepthwiseConv2D(3, activation="gelu"),
        layers.LeakyReLU(negative_slope=2.0),
        layers.SeparableConv2D(2, 2, activation="silu"),
        layers.ELU(alpha=1.5),
        layers.GlobalMaxPooling2D(),
        layers.Dense(4, "selu"),
        layers.Softmax(),
        layers.Dense(2),
    ],
    "nested": lambda: [
        sequential((6, 6, 2), layers.Flatten(), layers.Dense(4, "tanh")),
        layers.Dropout(0.5),
        layers.Dense(2),
    ],
}


@pytest.mark.parametrize("name", ZOO)
def test_geometric_complexity_stays_below(name):
    model = sequential((6, 6, 2), *ZOO[name]())
    for weight in model.non_trainable_variables:  # moving variances
        if "variance" in weight.path:
            weight.assign(keras.ops.abs(weight) + 0.1)
    norms = jacobian_norms(model, rng().normal(size=(64, 6, 6, 2)))
    assert 0 < norms.max() <= spectral_bound(model)


def test_overlapping_windows_repeat_the_maximum():
    model = sequential((5, 5, 1), layers.MaxPooling2D(3, strides=1))
    x = np.zeros((1, 5, 5, 1))
    x[0, 2, 2, 0] = 1  # in all 9 windows
    assert jacobian_norms(model, x)[0] == pytest.approx(9)
    assert spectral_bound(model) == pytest.approx(9 * 9)


def test_a_softmax_at_the_end_is_stepped_over():
    model, _ = mlp()
    expected = spectral_bound(model)
    inputs = keras.Input((4,))
    outputs = layers.Activation("softmax")(model(inputs))
    with pytest.warns(UserWarning, match="stepped over"):
        assert spectral_bound(keras.Model(inputs, outputs)) == expected


@pytest.mark.parametrize("name", LIPSCHITZ_CONSTANTS)
def test_constants_of_activations_are_the_largest_slopes(name):
    activation = keras.activations.get(name)
    constant = LIPSCHITZ_CONSTANTS[name]
    if name == "softmax":
        ends = rng().normal(size=(2, 200, 2)).astype("float32")
        start, stop = (
            keras.ops.convert_to_numpy(activation(end)) for end in ends
        )
        step = np.linalg.norm(stop - start, axis=1)
        slopes = step / np.linalg.norm(ends[1] - ends[0], axis=1)
        assert 0.9 * constant <= slopes.max() <= constant * (1 + 1e-5)
    else:
        x = np.linspace(-20, 20, 8001)  # passes the kinks
        y = keras.ops.convert_to_numpy(activation(x.astype("float32")))
        slopes = np.diff(y.astype("float64")) / np.diff(x)
        assert 0.99 * constant <= np.abs(slopes).max() <= 1.001 * constant


def residual():
    inputs = keras.Input((3,))
    return keras.Model(inputs, layers.Add()([layers.Dense(3)(inputs), inputs]))


def two_outputs():
    inputs = keras.Input((3,))
    return keras.Model(inputs, [layers.Dense(1)(inputs) for _ in range(2)])


class Subclassed(keras.Model):
    def call(self, x):
        return x


def subclassed():
    model = Subclassed()
    model(np.ones((1, 3)))
    return model


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (residual, "must have one input. Received: 'add.*2 inputs"),
        (two_outputs, "one input and one output. Received: .* 2 outputs"),
        (subclassed, r"of type Subclassed\) with 0 outputs"),
        (
            lambda: sequential((3,), layers.LayerNormalization()),
            "of type LayerNormalization",
        ),
        (
            lambda: sequential((3,), layers.Dense(2, "exponential")),
            "known Lipschitz constant.*'exponential'",
        ),
        (
            lambda: sequential((3,), layers.ReLU(threshold=1.0)),
            r"ReLU \(without threshold\)",
        ),
        (
            lambda: sequential((None, 2), layers.Conv1D(1, 3)),
            "model must fix it",
        ),
        (lambda: keras.Sequential([layers.Dense(1)]), "must be built"),
    ],
)
def test_errors_name_what_is_not_covered(model, message):
    with pytest.raises(ValueError, match=message):
        spectral_bound(model())


def test_a_layer_is_no_model():
    with pytest.raises(TypeError, match=r"`model` must be a `keras\.Model`"):
        spectral_bound(layers.Dense(1))
