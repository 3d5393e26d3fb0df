"""Which function of a model's inputs is measured."""

import functools
import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gc import jacobian_norms
from keras_gc.logits import LogitNetwork, check_not_probabilities
from tests.cases import chain

X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")


def model_of(*parts, shape=(3,)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, chain(*parts)(inputs))


class Subclassed(keras.Model):
    """A model whose `call` is given: `call(layer, x)`."""

    def __init__(self, call, **dense):
        super().__init__()
        self.dense = layers.Dense(4, **dense)
        self.function = call
        self(X)

    def call(self, x):
        return self.function(self.dense, x)


def kernel_norm(model):
    """The GC of the logits of a model with one Dense layer."""
    (kernel,) = (w for w in model.weights if w.name == "kernel")
    return float(np.sum(ops.convert_to_numpy(kernel) ** 2))


def measure(model, x=X, **names):
    """Return the values, and the warnings about logits."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        values = jacobian_norms(model, x, **names)
    return values, [
        str(w.message) for w in caught if "logits" in str(w.message)
    ]


def _renamed(activation):
    """An activation of another framework, under a name of its own."""

    def softmax_v2(x):
        return activation(x)

    return softmax_v2


STEPPED_OVER = {
    "dense_softmax": lambda: model_of(layers.Dense(4, "softmax")),
    "dense_sigmoid": lambda: model_of(layers.Dense(4, "sigmoid")),
    "dense_log_softmax": lambda: model_of(layers.Dense(4, "log_softmax")),
    "one_sigmoid": lambda: model_of(layers.Dense(1, "sigmoid")),
    "activation": lambda: model_of(
        layers.Dense(4), layers.Activation("softmax")
    ),
    "softmax_layer": lambda: model_of(layers.Dense(4), layers.Softmax()),
    "operation": lambda: model_of(layers.Dense(4), ops.softmax),
    "sigmoid_operation": lambda: model_of(layers.Dense(4), ops.sigmoid),
    "sequential": lambda: keras.Sequential([
        keras.Input((3,)),
        layers.Dense(4, "softmax"),
    ]),
    "nested": lambda: model_of(model_of(layers.Dense(4, "softmax"))),
    "nested_sequential": lambda: model_of(
        keras.Sequential([keras.Input((3,)), layers.Dense(4, "softmax")])
    ),
    "convolution": lambda: model_of(
        layers.Reshape((1, 3)), layers.Conv1D(4, 1, activation="softmax")
    ),
    "reshaped": lambda: model_of(
        layers.Dense(4, "softmax"), layers.Reshape((2, 2))
    ),
    "rearranged_twice": lambda: model_of(
        layers.Dense(4, "softmax"),
        layers.Reshape((2, 2)),
        layers.Permute((2, 1)),
        layers.Dropout(0.5),
        layers.Activation("linear"),
    ),
    "unnamed_activation": lambda: model_of(
        layers.Dense(4, activation=lambda x: ops.softmax(x))
    ),
    "renamed_activation": lambda: model_of(
        layers.Dense(4, activation=_renamed(ops.sigmoid))
    ),
    "subclassed": lambda: Subclassed(
        lambda dense, x: dense(x), activation="softmax"
    ),
    "subclassed_inside_functional": lambda: model_of(
        Subclassed(lambda dense, x: dense(x), activation="softmax")
    ),
}


@pytest.mark.parametrize("name", STEPPED_OVER)
def test_probabilities_are_stepped_over_and_this_is_said_once(name):
    model = STEPPED_OVER[name]()
    values, messages = measure(model)
    np.testing.assert_allclose(values, kernel_norm(model), rtol=1e-5)
    assert len(messages) == 1
    assert "stepped over" in messages[0]


def test_predictions_are_the_models_own():
    model = model_of(layers.Dense(4, "softmax"))
    network = LogitNetwork(model)
    x = ops.convert_to_tensor(X)
    with pytest.warns(UserWarning, match="the softmax of 'dense"):
        logits, predictions = network(network.point(x), x)
    np.testing.assert_allclose(
        ops.convert_to_numpy(predictions),
        ops.convert_to_numpy(model(x)),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.softmax(logits[0])),
        ops.convert_to_numpy(predictions),
        rtol=1e-5,
    )


def test_the_model_itself_keeps_its_softmax():
    model = model_of(layers.Dense(4, "softmax"))
    before = ops.convert_to_numpy(model(X))
    measure(model)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(X)), before)


LOGITS = {
    "linear": lambda: model_of(layers.Dense(4)),
    "linear_activation": lambda: model_of(
        layers.Dense(4), layers.Activation("linear")
    ),
    "subclassed": lambda: Subclassed(lambda dense, x: dense(x)),
}


@pytest.mark.parametrize("name", LOGITS)
def test_logits_are_measured_in_silence(name):
    model = LOGITS[name]()
    values, messages = measure(model)
    np.testing.assert_allclose(values, kernel_norm(model), rtol=1e-5)
    assert messages == []


def test_only_the_output_that_needs_it_is_stepped_over():
    inputs = keras.Input((3,))
    first = layers.Dense(2, "softmax", name="first")(inputs)
    second = layers.Dense(2, name="second")(inputs)
    model = keras.Model(inputs, {"a": first, "b": second})
    values, messages = measure(model)
    expected = sum(
        np.sum(ops.convert_to_numpy(w) ** 2)
        for w in model.weights
        if w.name == "kernel"
    )
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    assert len(messages) == 1 and "'first'" in messages[0]


HIDDEN = {
    "custom_code": lambda: Subclassed(lambda dense, x: ops.softmax(dense(x))),
    "lambda": lambda: model_of(layers.Dense(4), layers.Lambda(ops.softmax)),
    "pixels": lambda: model_of(
        layers.Dense(6), layers.Reshape((3, 2)), layers.Lambda(ops.softmax)
    ),
    "time_distributed": lambda: model_of(
        layers.Reshape((3, 1)),
        layers.TimeDistributed(layers.Dense(2, "softmax")),
    ),
    "average": lambda: model_of(
        lambda x: layers.Average()([
            layers.Dense(4, "softmax")(x),
            layers.Dense(4, "softmax")(x),
        ])
    ),
    "sigmoid_heads": lambda: model_of(
        lambda x: layers.Concatenate()([
            layers.Dense(1, "sigmoid")(x),
            layers.Dense(1, "sigmoid")(x),
        ])
    ),
    "twice": lambda: model_of(layers.Dense(4, "softmax"), layers.Softmax()),
    "not_last_in_its_layer": lambda: model_of(
        layers.Reshape((3, 1)), layers.LSTM(2, activation="sigmoid")
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.filterwarnings("ignore:Geometric complexity is measured on")
def test_probabilities_from_code_without_logits_raise(name):
    with pytest.raises(ValueError, match=r"measured on logits.*outputs='NAME'"):
        jacobian_norms(HIDDEN[name](), X)


@pytest.mark.filterwarnings("ignore:Geometric complexity is measured on")
def test_one_sigmoid_layer_at_two_places_is_left_out_at_the_end_alone():
    activation = layers.Activation("sigmoid")
    hidden, head = layers.Dense(3), layers.Dense(2)
    values = jacobian_norms(model_of(hidden, activation, head, activation), X)
    right = jacobian_norms(
        model_of(hidden, layers.Activation("sigmoid"), head), X
    )
    np.testing.assert_allclose(values, right, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:Geometric complexity is measured on")
def test_one_softmax_layer_for_two_outputs():
    a, b = keras.Input((3,)), keras.Input((3,))
    head = layers.Dense(4, "softmax")
    values = jacobian_norms(keras.Model([a, b], [head(a), head(b)]), [X, X])
    kernel = ops.convert_to_numpy(head.kernel)
    np.testing.assert_allclose(values, 2 * np.sum(kernel**2), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:Geometric complexity is measured on")
def test_one_softmax_layer_behind_two_reshapes_is_refused_with_a_cure():
    a, b = keras.Input((3,)), keras.Input((3,))
    head, shape = layers.Dense(4, "softmax"), layers.Reshape((2, 2))
    model = keras.Model([a, b], [shape(head(a)), shape(head(b))])
    with pytest.raises(ValueError, match=r"2 places.*from_logits=True"):
        jacobian_norms(model, [X, X])


def test_a_named_layer_means_its_output_even_if_it_is_a_softmax():
    model = model_of(
        layers.Dense(4, "softmax", name="mixture"), layers.Dense(2)
    )
    values, messages = measure(model, outputs="mixture")
    kernel = ops.convert_to_numpy(model.get_layer("mixture").kernel)
    p = ops.convert_to_numpy(model.get_layer("mixture")(X))
    jacobian = p[:, None] * (
        kernel - (kernel @ p[..., None])[..., 0][:, :, None]
    )
    np.testing.assert_allclose(values, np.sum(jacobian**2, (1, 2)), rtol=1e-4)
    assert messages == []


@pytest.mark.parametrize(
    ("logits", "raises"),
    [
        ([[0.25, 0.75], [1.0, 0.0]], True),
        ([[0.25, 0.75], [1.0, 0.5]], False),
        ([[1.25, -0.25], [1.0, 0.0]], False),
        ([[1.0], [1.0]], False),
        ([1.0, 1.0], False),
        ([[np.nan, 0.5]], False),
        ([[[0.5, 0.5], [0.1, 0.9]]], True),
    ],
)
def test_rows_of_probabilities_are_recognised(logits, raises):
    logits = np.array(logits, "float32")
    if raises:
        with pytest.raises(ValueError, match=">= 0 and sum to 1"):
            check_not_probabilities(logits)
    else:
        check_not_probabilities(logits)


def test_half_precision_probabilities_are_recognised():
    logits = np.random.default_rng(0).normal(size=(8, 50))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    with pytest.raises(ValueError, match="sum to 1"):
        check_not_probabilities(p.astype("float16"))


def hidden_sigmoid():
    return Subclassed(lambda dense, x: ops.sigmoid(dense(x)))


@pytest.mark.parametrize(
    "loss",
    [
        "binary_crossentropy",
        keras.losses.BinaryCrossentropy(),
        keras.losses.binary_crossentropy,
    ],
    ids=["name", "class", "function"],
)
def test_a_loss_on_probabilities_tells_what_the_outputs_are(loss):
    model = hidden_sigmoid()
    model.compile("sgd", loss)
    with pytest.raises(ValueError, match="from_logits=False"):
        jacobian_norms(model, X)


@pytest.mark.parametrize(
    "loss",
    [
        "mse",
        keras.losses.BinaryCrossentropy(from_logits=True),
        functools.partial(keras.losses.binary_crossentropy, from_logits=True),
    ],
    ids=["mse", "class", "partial"],
)
def test_outputs_between_0_and_1_are_said_where_nothing_else_tells(loss):
    model = hidden_sigmoid()
    model.compile("sgd", loss)
    with pytest.warns(UserWarning, match="lie between 0 and 1"):
        jacobian_norms(model, X)


def test_logits_under_a_loss_of_probabilities_are_logits():
    model = model_of(layers.Dense(4))
    model.compile("sgd", "categorical_crossentropy")
    np.testing.assert_allclose(
        jacobian_norms(model, X), kernel_norm(model), rtol=1e-5
    )


# -- inputs= and outputs= ---------------------------------------------------


def test_measuring_to_an_inner_layer():
    model = model_of(
        layers.Dense(4, name="embedding"), layers.Dense(2, "softmax")
    )
    values, messages = measure(model, outputs="embedding")
    kernel = ops.convert_to_numpy(model.get_layer("embedding").kernel)
    np.testing.assert_allclose(values, np.sum(kernel**2), rtol=1e-5)
    assert messages == []


def test_measuring_from_an_inner_layer():
    model = model_of(layers.Dense(4, "tanh", name="hidden"), layers.Dense(2))
    values, _ = measure(model, inputs="hidden")
    kernel = ops.convert_to_numpy(model.layers[-1].kernel)
    np.testing.assert_allclose(values, np.sum(kernel**2), rtol=1e-5)


def test_measuring_between_inner_layers_of_a_nested_model():
    inner = keras.Sequential([
        keras.Input((3,)),
        layers.Dense(4, "tanh", name="from"),
        layers.Dense(5, name="to"),
        layers.Dense(2),
    ])
    values, _ = measure(model_of(inner), inputs="from", outputs="to")
    kernel = ops.convert_to_numpy(inner.get_layer("to").kernel)
    np.testing.assert_allclose(values, np.sum(kernel**2), rtol=1e-5)


def test_measuring_to_a_layer_with_several_outputs():
    inputs = keras.Input((3, 1))
    lstm = layers.LSTM(2, return_state=True, name="lstm")
    outputs, *_ = lstm(inputs)
    model = keras.Model(inputs, layers.Dense(2)(outputs))
    values, _ = measure(model, X[..., None], outputs="lstm")
    # Its outputs are [h, h, c]: h counts twice.
    only_h, _ = measure(keras.Model(inputs, outputs), X[..., None])
    assert (values > 2 * only_h).all()


TOKENS = np.array([[1, 2, 0, 0], [3, 4, 5, 6]], "int32")


@pytest.mark.parametrize("mask_zero", [False, True])
def test_token_models_are_measured_from_the_embedding(mask_zero):
    inputs = keras.Input((4,), dtype="int32")
    embedding = layers.Embedding(7, 3, mask_zero=mask_zero, name="embedding")
    mean = layers.GlobalAveragePooling1D()(embedding(inputs))
    head = layers.Dense(2)
    model = keras.Model(inputs, head(mean))
    values, _ = measure(model, TOKENS, inputs="embedding")
    # The mean of n vectors has derivative I / n for each of the n.
    counts = np.array([2, 4]) if mask_zero else np.array([4, 4])
    kernel = np.sum(ops.convert_to_numpy(head.kernel) ** 2)
    np.testing.assert_allclose(values, kernel / counts, rtol=1e-5)


def two_inputs(order):
    both = {name: keras.Input((3,), name=name) for name in "ab"}
    a = layers.Dense(2, kernel_initializer="ones")(both["a"])
    b = layers.Dense(2, kernel_initializer="ones")(both["b"])
    return keras.Model([both[name] for name in order], a + 5 * b)


@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_one_of_several_inputs_by_name(order, as_dict):
    model = two_inputs(order)
    x = {"b": X, "a": X} if as_dict else [X, X]
    np.testing.assert_allclose(measure(model, x, inputs="a")[0], 6)
    np.testing.assert_allclose(measure(model, x, inputs="b")[0], 150)
    np.testing.assert_allclose(measure(model, x)[0], 156)


def test_other_inputs_may_be_integers():
    tokens = keras.Input((2,), dtype="int32", name="tokens")
    image = keras.Input((3,), name="image")
    words = layers.Flatten()(layers.Embedding(7, 2)(tokens))
    head = layers.Dense(2)
    model = keras.Model([tokens, image], layers.Dense(2)(words) + head(image))
    values, _ = measure(model, [TOKENS[:, :2], X[:2]], inputs="image")
    kernel = np.sum(ops.convert_to_numpy(head.kernel) ** 2)
    np.testing.assert_allclose(values, kernel, rtol=1e-5)


@pytest.mark.parametrize("argument", ["inputs", "outputs"])
def test_unknown_names_list_the_known(argument):
    model = model_of(layers.Dense(4, name="logits"))
    with pytest.raises(ValueError, match=r"'logits'.*Received: .*='nope'"):
        jacobian_norms(model, X, **{argument: "nope"})


@pytest.mark.parametrize("argument", ["inputs", "outputs"])
def test_names_must_be_strings(argument):
    with pytest.raises(TypeError, match="must be the name of a layer"):
        jacobian_norms(model_of(layers.Dense(4)), X, **{argument: 3})


@pytest.mark.parametrize("argument", ["inputs", "outputs"])
def test_a_layer_called_twice_is_no_point(argument):
    twice = layers.Dense(3, name="twice")
    with pytest.raises(ValueError, match="'twice' must be called exactly once"):
        jacobian_norms(model_of(twice, twice), X, **{argument: "twice"})


def test_what_is_no_model_raises():
    with pytest.raises(TypeError, match="`model` must be a `keras.Model`"):
        jacobian_norms(layers.Dense(2), X)
