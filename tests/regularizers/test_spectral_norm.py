"""The penalty of each kind of kernel, and training with it."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_gc.regularizers import SpectralNorm, convolution_norm
from tests.modes import MODES
from tests.regularizers.differentiate import value_and_gradient


def gaussian(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype("float32")


def folded(kernel):
    return np.linalg.norm(np.reshape(kernel, (-1, kernel.shape[-1])), 2)


def exact(kernel):
    return float(convolution_norm(kernel))


def depthwise(kernel):
    return float(convolution_norm(kernel, depthwise=True))


def test_penalty_is_half_the_squared_norm_times_strength():
    kernel = keras.ops.convert_to_tensor([[3.0, 0.0], [0.0, -4.0]])
    assert float(SpectralNorm()(kernel)) == pytest.approx(0.01 / 2 * 16)
    assert float(SpectralNorm(strength=3)(kernel)) == pytest.approx(24)
    assert float(SpectralNorm(strength=0)(kernel)) == 0


@pytest.mark.parametrize("mode", MODES)
def test_gradient_is_strength_sigma_u_v(mode):
    kernel = gaussian(3, 3, 4, 6)
    left, values, right = np.linalg.svd(kernel.reshape(36, 6))
    outer = np.outer(left[:, 0], right[0]).reshape(kernel.shape)
    value, gradient = value_and_gradient(SpectralNorm(0.5), kernel, mode)
    np.testing.assert_allclose(value, 0.25 * values[0] ** 2, rtol=1e-5)
    np.testing.assert_allclose(gradient, 0.5 * values[0] * outer, atol=1e-3)


@pytest.mark.parametrize("conv", ["reshape", "exact", "depthwise"])
def test_zero_kernel_has_gradient_zero(conv):
    zero = np.zeros((3, 3, 2, 2), "float32")
    value, gradient = value_and_gradient(SpectralNorm(conv=conv), zero)
    assert value == 0
    np.testing.assert_array_equal(gradient, zero)


def whole(**conv):
    return {"kernel_regularizer": SpectralNorm(2, **conv)}


EXACT = whole(conv="exact")
DEPTHWISE = {"depthwise_regularizer": SpectralNorm(2, conv="depthwise")}
# At strength 2 the penalty is the squared norm.
LAYERS = [
    (layers.Dense(6, **whole()), (5,), folded),
    (layers.Conv1D(3, 3, **whole()), (8, 2), folded),
    (layers.Conv2D(3, 3, **whole()), (8, 8, 2), folded),
    (layers.Conv3D(3, 2, **whole()), (4, 4, 4, 2), folded),
    (layers.EinsumDense("abc,bcd->ad", 6, **whole()), (4, 5), folded),
    (layers.Dense(6, **EXACT), (5,), folded),
    (layers.Conv1D(3, 3, **EXACT), (8, 2), exact),
    (layers.Conv2D(3, 3, **EXACT), (8, 8, 2), exact),
    (layers.Conv2DTranspose(3, 3, **EXACT), (8, 8, 2), exact),
    (layers.Conv3D(3, 2, **EXACT), (4, 4, 4, 2), exact),
    (layers.DepthwiseConv1D(3, **DEPTHWISE), (8, 2), depthwise),
    (layers.DepthwiseConv2D(3, **DEPTHWISE), (8, 8, 2), depthwise),
]


@pytest.mark.parametrize(
    "layer, shape, norm",
    LAYERS,
    ids=[
        f"{type(layer).__name__}-{norm.__name__}" for layer, _, norm in LAYERS
    ],
)
def test_layer_is_penalised_by_the_norm_of_its_kernel(layer, shape, norm):
    layer.build((None, *shape))
    (loss,) = layer.losses
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    np.testing.assert_allclose(float(loss), norm(kernel) ** 2, rtol=1e-4)


def test_embedding_and_both_kernels_of_a_separable_layer_are_penalised():
    embedding = layers.Embedding(7, 3, embeddings_regularizer=SpectralNorm(2))
    embedding.build()
    table = keras.ops.convert_to_numpy(embedding.embeddings)
    assert float(embedding.losses[0]) == pytest.approx(folded(table) ** 2)

    separable = layers.SeparableConv2D(
        4, 3, **DEPTHWISE, pointwise_regularizer=SpectralNorm(2)
    )
    separable.build((None, 8, 8, 2))
    kernels = [keras.ops.convert_to_numpy(v) for v in separable.weights[:2]]
    np.testing.assert_allclose(
        [float(loss) for loss in separable.losses],
        [depthwise(kernels[0]) ** 2, folded(kernels[1]) ** 2],
        rtol=1e-4,
    )


def small_network(regularizer=None):
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.Input((6, 6, 2)),
        layers.Conv2D(3, 3, activation="relu", kernel_regularizer=regularizer),
        layers.Flatten(),
        layers.Dense(30, kernel_regularizer=regularizer),
    ])


def strong(**arguments):
    """A penalty for which 48 x 30 is a large kernel: both ways are taken."""
    return SpectralNorm(1.0, power_iterations=24, **arguments)


def batch():
    return gaussian(32, 6, 6, 2), np.arange(32) % 10


def compiled(model, **kwargs):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, **kwargs)
    return model


def norms(model):
    kernels = [v for v in model.trainable_variables if v.name == "kernel"]
    return np.array([folded(keras.ops.convert_to_numpy(v)) for v in kernels])


@pytest.mark.parametrize("conv", ["reshape", "exact"])
def test_train_step_adds_the_penalty_and_moves_down_its_gradient(conv):
    x, y = batch()
    jit = keras.config.backend() != "torch"
    plain = compiled(small_network(), jit_compile=jit)
    model = compiled(small_network(strong(conv=conv)), jit_compile=jit)
    kernels = [keras.ops.convert_to_numpy(v) for v in model.weights]
    loss = model.train_on_batch(x, y) - plain.train_on_batch(x, y)
    penalty = 0
    for kernel, one, other in zip(
        kernels, plain.weights, model.weights, strict=True
    ):
        step = keras.ops.convert_to_numpy(one - other)
        value, gradient = 0, np.zeros_like(kernel)
        if kernel.ndim > 1:
            value, gradient = value_and_gradient(strong(conv=conv), kernel)
        penalty += value
        np.testing.assert_allclose(step, 0.1 * gradient, atol=1e-5)
    assert loss == pytest.approx(penalty, rel=1e-4)


def test_training_lowers_the_norms():
    x, y = batch()
    plain = compiled(small_network(), jit_compile=False)
    model = compiled(small_network(strong()), jit_compile=False)
    before = norms(model)
    plain.fit(x, y, batch_size=32, epochs=4, verbose=0)
    model.fit(x, y, batch_size=32, epochs=4, verbose=0)
    assert np.all(norms(model) < 0.95 * before)
    assert np.all(norms(model) < 0.95 * norms(plain))


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_computes_the_penalty_in_float32(dtype):
    x, y = batch()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        plain = compiled(small_network())
        model = compiled(small_network(strong()))
    finally:
        keras.config.set_dtype_policy(before)
    before = norms(model)
    penalty = model.evaluate(x, y, verbose=0) - plain.evaluate(x, y, verbose=0)
    # The kernel of a layer in half precision is float32, and so is its norm.
    assert penalty == pytest.approx(sum(before**2) / 2, rel=1e-5)
    # float16 may skip its first steps, to find the scale of the loss.
    history = model.fit(x, y, batch_size=32, epochs=6, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert np.all(norms(model) < before)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"strength": -1}, ValueError, "`strength`.*>= 0.*strength=-1"),
        ({"strength": np.nan}, ValueError, "`strength`.*strength=nan"),
        ({"strength": np.inf}, ValueError, "`strength`.*strength=inf"),
        ({"strength": "0.1"}, TypeError, "`strength`.*strength='0.1'"),
        ({"power_iterations": 0}, ValueError, "`power_iterations`.*>= 1.*=0"),
        ({"power_iterations": 2.5}, TypeError, "`power_iterations`.*=2.5"),
        ({"conv": "fft"}, ValueError, "`conv`.*'depthwise'.*conv='fft'"),
    ],
)
def test_bad_argument_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        SpectralNorm(**arguments)


def test_bias_is_refused():
    layer = layers.Dense(3, bias_regularizer=SpectralNorm())
    layer.build((None, 2))
    with pytest.raises(ValueError, match=r"shape \(3,\).*regularizers.L2"):
        _ = layer.losses


@pytest.mark.parametrize(
    "shape", [(784, 512), (512, 512), (65, 900), (1024, 1024)], ids=str
)
def test_a_penalty_is_within_one_percent_and_1e_4_on_demand(shape):
    # Gaussian kernels: no spectrum is harder, and so layers begin.
    kernel = np.random.default_rng(1).normal(size=shape).astype("float32")
    exact = np.linalg.norm(kernel.astype("float64"), 2)
    for power_iterations, error in ((12, 1e-2), (64, 1e-4)):
        regularizer = SpectralNorm(2.0, power_iterations=power_iterations)
        norm = np.sqrt(float(regularizer(kernel)))
        assert (1 - error) * exact <= norm <= exact * (1 + 1e-5)


def test_small_kernels_are_right_at_any_effort():
    kernel = np.random.default_rng(1).normal(size=(300, 64)).astype("float32")
    exact = np.linalg.norm(kernel.astype("float64"), 2)
    norm = np.sqrt(float(SpectralNorm(2.0, power_iterations=1)(kernel)))
    assert norm == pytest.approx(exact, rel=1e-4)
