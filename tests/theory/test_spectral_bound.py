import keras
import numpy as np
import pytest
from keras import layers

from keras_gc import jacobian_norms
from keras_gc.theory.lipschitz_constant import LIPSCHITZ_CONSTANTS
from keras_gc.theory.spectral_bound import spectral_bound
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
        # Rounding of the float32 values: the slopes are no better known.
        assert 0.99 * constant <= np.abs(slopes).max() <= 1.001 * constant


def functional(build, *shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    outputs = build(*inputs)
    model = keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)
    randomize(model)
    return model


def constants(model):
    """The norms of the kernels of Dense layers, by the layers' names."""
    return {
        layer.name: norm(layer.get_weights()[0])
        for layer in model.layers
        if isinstance(layer, layers.Dense)
    }


def dense(name, units=3, activation=None):
    return layers.Dense(units, activation, name=name)


BRANCHES = {
    "residual": (
        lambda x: x + dense("a")(dense("b", 4, "relu")(x)),
        lambda a, b: 1 + a * b,
    ),
    "add": (
        lambda x: layers.Add()([x, dense("a")(x), dense("b")(x)]),
        lambda a, b: 1 + a + b,
    ),
    "subtract": (
        lambda x: layers.Subtract()([dense("a")(x), dense("b")(x)]),
        lambda a, b: a + b,
    ),
    "average": (
        lambda x: layers.Average()([dense("a")(x), dense("b")(x)]),
        lambda a, b: (a + b) / 2,
    ),
    "concatenate": (
        lambda x: layers.Concatenate()([x, dense("a")(x), dense("b", 2)(x)]),
        lambda a, b: np.sqrt(1 + a**2 + b**2),
    ),
    "maximum": (
        lambda x: layers.Maximum()([dense("a")(x), dense("b")(x)]),
        lambda a, b: np.hypot(a, b),
    ),
    "minimum": (
        lambda x: keras.ops.minimum(dense("a")(x), dense("b")(x)),
        lambda a, b: np.hypot(a, b),
    ),
    "broadcast": (
        lambda x: layers.Add()([dense("a")(x), dense("b", 1)(x)]),
        lambda a, b: a + np.sqrt(3) * b,
    ),
    "operation": (
        lambda x: dense("a")(keras.ops.relu(dense("b", 5)(x))),
        lambda a, b: a * b,
    ),
}


@pytest.mark.parametrize("name", BRANCHES)
def test_branches_are_merged(name):
    build, expected = BRANCHES[name]
    model = functional(build, (3,))
    outputs = model.output_shape[1]
    value = spectral_bound(model)
    expected = min(3, outputs) * expected(**constants(model)) ** 2
    assert value == pytest.approx(expected, rel=1e-4)
    norms = jacobian_norms(model, rng().normal(size=(64, 3)))
    assert 0 < norms.max() <= value


def test_a_layer_may_be_called_twice():
    shared = dense("a", activation="relu")
    model = functional(lambda x: shared(shared(x)), (3,))
    (a,) = constants(model).values()
    assert spectral_bound(model) == pytest.approx(3 * a**4, rel=1e-4)


def test_several_inputs_and_outputs_count_as_one():
    model = functional(
        lambda x, y: [dense("a")(layers.Concatenate()([x, y])), dense("b")(x)],
        (3,),
        (2,),
    )
    # Both have the constant 1: the bound does not know that they differ.
    squares = sum(a**2 for a in constants(model).values())
    value = spectral_bound(model)
    assert value >= 5 * squares * (1 - 1e-5)
    x = [rng().normal(size=(8, 3)), rng().normal(size=(8, 2))]
    assert jacobian_norms(model, x).max() <= value


def test_residual_networks_are_bounded():
    def block(x):
        y = layers.Conv2D(3, 3, padding="same", use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.Conv2D(3, 3, padding="same")(y)
        return layers.ReLU()(layers.Add()([x, y]))

    inner = functional(lambda x: block(block(x)), (6, 5, 3))

    def build(x):
        x = layers.GlobalAveragePooling2D()(inner(x))
        return layers.Dense(2)(layers.Dropout(0.5)(x))

    model = functional(build, (6, 5, 3))
    for weight in model.non_trainable_variables:
        if "variance" in weight.path:
            weight.assign(keras.ops.abs(weight) + 0.1)
    norms = jacobian_norms(model, rng().normal(size=(32, 6, 5, 3)))
    assert 0 < norms.max() <= spectral_bound(model)


class Subclassed(keras.Model):
    def call(self, x):
        return x


def subclassed():
    model = Subclassed()
    model(np.ones((1, 3)))
    return model


class OwnDense(layers.Dense):
    def call(self, x):
        return super().call(x) ** 2


def relu(x):
    return 3 * x


def quantized():
    model = sequential((3,), layers.Dense(4))
    model.layers[-1].quantize("int8")
    return model


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            lambda: functional(
                lambda x: layers.Multiply()([x, layers.Dense(3)(x)]), (3,)
            ),
            "where branches meet.*'multiply.*2 inputs",
        ),
        (subclassed, r"of type Subclassed\)"),
        (
            lambda: sequential((3,), layers.LayerNormalization()),
            "of type LayerNormalization",
        ),
        (lambda: sequential((3,), OwnDense(2)), "of type OwnDense"),
        (quantized, r"\(not quantized\).*of type Dense"),
        (
            lambda: sequential((3,), layers.Dense(2, "exponential")),
            "known Lipschitz constant.*exponential",
        ),
        (
            lambda: sequential((3,), layers.Dense(2, relu)),
            "known Lipschitz constant.*function relu",
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
    with pytest.raises(ValueError, match=f"(?i){message}"):
        spectral_bound(model())


def test_a_layer_is_no_model():
    with pytest.raises(TypeError, match=r"`model` must be a `keras\.Model`"):
        spectral_bound(layers.Dense(1))
