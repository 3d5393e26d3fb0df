"""The implicit gradient penalty is (h / 4) ||grad L||^2, L the loss."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gc.theory import implicit_gradient_penalty

L2 = 0.05


def linear_model(optimizer="sgd", loss="mse", hidden=()):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(600, 4)), rng.normal(size=(600, 1))
    layer = keras.layers.Dense(
        1, use_bias=False, kernel_regularizer=keras.regularizers.L2(L2)
    )
    model = keras.Sequential([keras.Input((4,)), *hidden, layer])
    model.compile(optimizer, loss)
    return model, x, y


def gradient(model, x, y):
    """Of mean (x w - y)^2 + L2 ||w||^2, in float64."""
    w = ops.convert_to_numpy(model.trainable_variables[-1]).astype("float64")
    return 2 / len(x) * x.T @ (x @ w - y) + 2 * L2 * w


def test_all_examples_are_one_batch():
    # 600 examples: more than are differentiated at a time, and unevenly many.
    model, x, y = linear_model()
    expected = 0.2 / 4 * np.sum(gradient(model, x, y) ** 2)
    value = implicit_gradient_penalty(model, x, y, learning_rate=0.2)
    assert isinstance(value, float)
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_batches_have_the_mean_of_their_penalties():
    model, x, y = linear_model()
    cuts = range(0, 600, 250)  # 250, 250 and 100 examples
    expected = sum(
        len(x[i : i + 250])
        / 600
        * np.sum(gradient(model, x[i : i + 250], y[i : i + 250]) ** 2)
        for i in cuts
    )
    value = implicit_gradient_penalty(
        model, x, y, learning_rate=4.0, batch_size=250
    )
    np.testing.assert_allclose(value, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.SGD(0.2),
        keras.optimizers.SGD(
            keras.optimizers.schedules.PolynomialDecay(0.2, 10)
        ),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.2)),
    ],
    ids=["constant", "schedule", "loss scale"],
)
def test_the_optimizers_learning_rate_is_the_default(optimizer):
    model, x, y = linear_model(optimizer)
    np.testing.assert_allclose(
        implicit_gradient_penalty(model, x, y),
        implicit_gradient_penalty(model, x, y, learning_rate=0.2),
        rtol=1e-6,
    )


def test_the_model_is_measured_in_inference_mode_and_not_changed():
    model, x, y = linear_model(
        hidden=[keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
    )
    before = [ops.convert_to_numpy(v) for v in model.variables]
    values = [implicit_gradient_penalty(model, x, y) for _ in range(2)]
    assert values[0] == values[1]
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(variable), value)


def test_bad_input_is_refused_with_the_cure():
    model, x, y = linear_model()
    with pytest.raises(ValueError, match="`learning_rate` must be a finite"):
        implicit_gradient_penalty(model, x, y, learning_rate=-1)
    with pytest.raises(ValueError, match="`batch_size` must be an int >= 1"):
        implicit_gradient_penalty(model, x, y, batch_size=0)
    with pytest.raises(ValueError, match="x is empty"):
        implicit_gradient_penalty(model, x[:0], y[:0])
    with pytest.raises(ValueError, match="must be a built `keras.Model`"):
        implicit_gradient_penalty(keras.Sequential(), x, y)
    loss = keras.losses.MeanSquaredError(reduction="sum")
    with pytest.raises(ValueError, match="must be a mean over the examples"):
        implicit_gradient_penalty(linear_model(loss=loss)[0], x, y)
    uncompiled = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="`model.compile"):
        implicit_gradient_penalty(uncompiled, x, y)
