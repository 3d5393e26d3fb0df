import numpy as np
from sklearn.datasets import load_digits

from keras_gc import datasets


def test_shapes_types_and_units():
    data = datasets.load("digits")
    assert data.name == "digits"
    assert data.num_classes == 10
    assert data.x_train.shape == (1437, 8, 8, 1)
    assert data.x_test.shape == (360, 8, 8, 1)
    for x, y in [(data.x_train, data.y_train), (data.x_test, data.y_test)]:
        assert x.dtype == "float32"
        assert (x.min(), x.max()) == (0.0, 1.0)
        assert y.dtype == "int32"
        assert set(y) == set(range(10))


def test_every_example_of_the_source_is_in_exactly_one_part():
    data = datasets.load("digits")
    x = np.concatenate([data.x_train, data.x_test]).reshape(-1, 64) * 16
    y = np.concatenate([data.y_train, data.y_test])
    ours = np.column_stack([x, y])
    source = load_digits()
    theirs = np.column_stack([source.data, source.target])
    assert sorted(map(tuple, ours)) == sorted(map(tuple, theirs))


def test_a_fifth_of_each_class_is_for_testing():
    data = datasets.load("digits")
    train, test = np.bincount(data.y_train), np.bincount(data.y_test)
    # An exact fifth of a class need not be whole.
    np.testing.assert_allclose(test, (train + test) / 5, atol=1)


def test_split_does_not_depend_on_the_seed():
    a = datasets.load("digits", seed=0)
    b = datasets.load("digits", seed=1)
    np.testing.assert_array_equal(a.x_train, b.x_train)
    np.testing.assert_array_equal(a.y_test, b.y_test)
