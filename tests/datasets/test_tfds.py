import os
import urllib.error

import numpy as np
import pytest
import tensorflow_datasets

from keras_gc import datasets
from keras_gc.datasets import tfds

SHAPES = {
    "mnist": (28, 28, 1),
    "fashion_mnist": (28, 28, 1),
    "cifar10": (32, 32, 3),
    "cifar100": (32, 32, 3),
}


@pytest.mark.parametrize("name", tfds.NAMES)
def test_shapes_types_and_units_of_invented_images(name, monkeypatch):
    import tensorflow as tf

    def invented(builder, split, batch_size, as_supervised):
        features = builder.info.features
        assert (split, batch_size) == (["train", "test"], -1)
        assert as_supervised
        assert features["image"].shape == SHAPES[name]
        images = np.full((4, *SHAPES[name]), 51, "uint8")
        return [(tf.constant(images), tf.range(4, dtype="int64"))] * 2

    monkeypatch.setattr(tfds, "_download", lambda builder: None)
    monkeypatch.setattr(
        tensorflow_datasets.core.DatasetBuilder, "as_dataset", invented
    )
    data = datasets.load(name)
    assert data.name == name
    assert data.num_classes == (100 if name == "cifar100" else 10)
    for x, y in [(data.x_train, data.y_train), (data.x_test, data.y_test)]:
        assert x.dtype == "float32"
        np.testing.assert_array_equal(x, np.full((4, *SHAPES[name]), 0.2, "f4"))
        assert y.dtype == "int32"
        assert y.tolist() == [0, 1, 2, 3]


def test_stored_mnist_is_read_whole():
    data_dir = os.environ.get("TFDS_DATA_DIR")
    builder = tensorflow_datasets.builder("mnist", data_dir=data_dir)
    if not builder.info.initialized:
        pytest.skip("MNIST is not stored here: set TFDS_DATA_DIR")
    data = datasets.load("mnist")
    assert data.x_train.shape == (60_000, 28, 28, 1)
    assert data.x_test.shape == (10_000, 28, 28, 1)
    assert (data.x_train.min(), data.x_train.max()) == (0.0, 1.0)
    # LeCun's training file holds this many of each digit, 0 to 9.
    assert np.bincount(data.y_train).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip


def no_network(url, timeout):
    raise urllib.error.URLError("Name or service not known")


def test_offline_the_reason_and_the_cure_are_one_sentence(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(tfds, "urlopen", no_network)
    with pytest.raises(RuntimeError) as caught:
        datasets.load("cifar10")
    message = str(caught.value)
    for part in [
        "'cifar10' is not stored in " + str(tmp_path),
        "https://www.cs.toronto.edu does not answer",
        "Name or service not known",
        "TFDS_DATA_DIR",
        "'digits', which works offline",
    ]:
        assert part in message
    # No traceback of TensorFlow Datasets, and nothing left behind.
    assert caught.value.__suppress_context__
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_refuses_was_reached(monkeypatch):
    def refuse(url, timeout):
        raise urllib.error.HTTPError(url, 400, "Bad Request", None, None)

    monkeypatch.setattr(tfds, "urlopen", refuse)
    tfds._connect("https://storage.googleapis.com")
