import keras
import numpy as np
import pytest
from keras import layers

from keras_gc.theory.affine_layer import affine_norm, affine_part, is_affine
from tests.theory.numpy_networks import norm

IMAGE, SERIES, VOLUME = (5, 4, 2), (7, 2), (3, 4, 3, 2)
CASES = [
    (layers.Dense(3), (4,)),
    (layers.Dense(3, "relu"), SERIES),
    (layers.EinsumDense("abc,cd->abd", (7, 3), activation="relu"), SERIES),
    (layers.Conv1D(3, 3, padding="causal", dilation_rate=2), SERIES),
    (layers.Conv2D(3, 3, strides=2, padding="same"), IMAGE),
    (layers.Conv2D(4, 3, groups=2, activation="relu"), IMAGE),
    (layers.Conv3D(2, 2), VOLUME),
    (layers.Conv1DTranspose(3, 3, strides=2), SERIES),
    (layers.Conv2DTranspose(3, 3, strides=2), IMAGE),
    (layers.DepthwiseConv2D(3, depth_multiplier=2), IMAGE),
    (layers.SeparableConv2D(3, 3), IMAGE),
    (layers.BatchNormalization(), (4,)),
    (layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 9.0]), SERIES),
    (layers.Rescaling(1 / 127.5, offset=-1), IMAGE),
    (layers.AveragePooling2D(2), IMAGE),
    (layers.AveragePooling2D(3, strides=1, padding="same"), IMAGE),
    (layers.GlobalAveragePooling1D(), SERIES),
    (layers.ZeroPadding2D(1), IMAGE),
    (layers.Cropping1D(2), SERIES),
    (layers.UpSampling2D(2), IMAGE),
    (layers.RepeatVector(3), (4,)),
]


def with_random_weights(layer, shape):
    """The layer built for inputs of a shape, variances kept positive."""
    layer.build((None, *shape))
    rng = np.random.default_rng(0)
    layer.set_weights([rng.uniform(0.2, 1, w.shape) for w in layer.weights])
    return layer


def matrix(chain, shape):
    """The matrix by its columns: the images of the unit vectors."""
    size = np.prod(shape)
    points = np.concatenate([np.zeros((1, size)), np.eye(size)])
    x = keras.ops.convert_to_tensor(points.reshape(-1, *shape), "float32")
    for layer in chain:
        x = affine_part(layer, x)
    y = keras.ops.convert_to_numpy(x).reshape(size + 1, -1).astype("float64")
    return (y[1:] - y[0]).T


@pytest.mark.parametrize(
    ("layer", "shape"), CASES, ids=[layer.name for layer, _ in CASES]
)
def test_norm_of_each_kind_of_layer_is_that_of_its_matrix(layer, shape):
    assert is_affine(layer)
    with_random_weights(layer, shape)
    value, exact = affine_norm([layer], shape), norm(matrix([layer], shape))
    # Of a biased layer, the matrix itself is rounded.
    assert exact * (1 - 1e-6) <= value <= exact * (1 + 1e-3)


def convolutions():
    """Small convolutions of every kind: `(layer, shape of its input)`."""
    for padding in ("same", "valid"):
        for size in (2, 3, 4):
            for dilation in (2, 3):
                yield (
                    layers.Conv2D(
                        2, size, padding=padding, dilation_rate=dilation
                    ),
                    (11, 12, 1),
                )
            for strides in (1, 2, 3):
                options = {"strides": strides, "padding": padding}
                yield layers.Conv2D(3, size, **options), (8, 7, 2)
                yield layers.DepthwiseConv2D(size, **options), (8, 7, 3)
                yield layers.Conv2DTranspose(2, size, **options), (5, 4, 3)
        for strides in (1, 2):
            options = {"strides": strides, "padding": padding}
            yield layers.Conv1D(3, 5, **options), (40, 2)
            yield layers.Conv3D(2, 2, **options), (4, 3, 4, 2)
            yield layers.SeparableConv2D(3, 3, **options), (7, 6, 2)
            yield layers.Conv2D(4, 3, groups=2, **options), (7, 6, 4)
            yield layers.Conv1DTranspose(2, 4, **options), (9, 2)
        yield layers.Conv1D(2, 3, padding=padding, dilation_rate=4), (30, 2)
        yield (
            layers.DepthwiseConv2D(
                3, padding=padding, dilation_rate=2, depth_multiplier=2
            ),
            (9, 8, 2),
        )
    yield layers.Conv1D(2, 3, padding="causal", dilation_rate=2), (20, 2)
    # Its largest singular values lie so close that the residual of Lanczos
    # is small long before the largest of them is found.
    yield layers.Conv2D(2, 4, padding="same", dilation_rate=2), (16, 16, 2)


CONVOLUTIONS = list(convolutions())


@pytest.mark.parametrize("case", range(len(CONVOLUTIONS)))
def test_the_norm_of_no_convolution_is_below_the_truth(case):
    layer, shape = CONVOLUTIONS[case]
    layer.build((None, *shape))
    rng = np.random.default_rng(case)
    layer.set_weights([
        rng.normal(size=w.shape) * (len(w.shape) > 1) for w in layer.weights
    ])
    value, exact = affine_norm([layer], shape), norm(matrix([layer], shape))
    assert exact <= value <= exact * (1 + 2e-3)


def test_a_convolution_on_a_larger_image():
    layer = layers.Conv2D(5, 3, padding="same")
    layer.build((None, 14, 14, 3))
    value = affine_norm([layer], (14, 14, 3))
    exact = norm(matrix([layer], (14, 14, 3)))
    assert exact <= value <= exact * (1 + 2e-3)


def test_a_chain_has_the_norm_of_its_product():
    dense = with_random_weights(layers.Dense(4, use_bias=False), (3,))
    norm_layer = with_random_weights(layers.BatchNormalization(), (4,))
    chain = [dense, norm_layer]
    value = affine_norm(chain, (3,))
    assert value == pytest.approx(norm(matrix(chain, (3,))), rel=1e-4)
    assert value < affine_norm([dense], (3,)) * affine_norm([norm_layer], (4,))


def test_the_activation_is_left_out():
    layer = with_random_weights(layers.Dense(3, "sigmoid"), (4,))
    x = np.random.default_rng(1).normal(size=(2, 4))
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(
            affine_part(layer, keras.ops.convert_to_tensor(x, "float32"))
        ),
        x @ kernel + bias,
        rtol=1e-5,
    )
