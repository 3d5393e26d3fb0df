import inspect

import keras
import numpy as np
import pytest

from keras_gc.experiments.networks import NETWORKS, lenet, mlp, resnet18, vgg13
from keras_gc.experiments.recipe import WIDTHS


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_return_logits_and_name_their_embedding(name):
    shape = (32, 32, 3)
    model = NETWORKS[name](shape, 7, width=6)
    logits = keras.ops.convert_to_numpy(model(np.ones((2, *shape))))
    assert logits.shape == (2, 7)
    assert np.abs(logits.sum(-1) - 1).min() > 1e-3  # no softmax
    assert model.get_layer("embedding").output is model.layers[-1].input


def test_known_sizes_of_the_published_networks():
    image = (32, 32, 3)
    assert mlp((28, 28, 1), 10).count_params() == (
        784 * 256 + 256 + 256 * 256 + 256 + 2570
    )
    # 11,173,962 trainable weights of ResNet-18 on CIFAR-10, and two moving
    # statistics for each of its 4,800 normalised channels.
    assert resnet18(image, 10).count_params() == 11_173_962 + 2 * 4800
    # VGG-13's convolutions hold 9,404,992 weights.
    assert vgg13(image, 10).count_params() == (
        9_404_992 + 512 * 512 + 512 + 5130
    )
    assert lenet((28, 28, 1), 10).count_params() == (
        156 + 2416 + 784 * 120 + 120 + 120 * 84 + 84 + 850
    )


def test_recipes_give_each_network_its_own_width():
    for name, network in NETWORKS.items():
        width = inspect.signature(network).parameters["width"].default
        assert width == WIDTHS[name]
    assert len(WIDTHS) == len(NETWORKS)


def test_width_and_depth_are_hidden_ones():
    model = mlp((4,), 2, width=5, depth=3)
    assert [w.shape for w in model.weights[::2]] == [
        (4, 5),
        (5, 5),
        (5, 5),
        (5, 2),
    ]


def test_initializer_and_regularizer_reach_every_kernel():
    for network in (lenet, resnet18):
        model = network(
            (32, 32, 3),
            10,
            width=6,
            kernel_initializer="ones",
            kernel_regularizer=keras.regularizers.L2(1.0),
        )
        kernels = [w for w in model.trainable_weights if w.name == "kernel"]
        total = sum(np.prod(kernel.shape) for kernel in kernels)
        assert float(sum(model.losses)) == pytest.approx(total)


@pytest.mark.parametrize(
    "name, shape", [("lenet", (64,)), ("vgg13", (28, 28, 1))]
)
def test_examples_that_do_not_fit_are_named(name, shape):
    with pytest.raises(ValueError, match=f"{name} needs images") as error:
        NETWORKS[name](shape, 10)
    assert str(shape) in str(error.value)
