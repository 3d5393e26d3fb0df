import numpy as np
import pytest

from keras_gc import datasets


def rows(x, y):
    """The examples as a set, each with its label."""
    return {
        (image.tobytes(), int(label)) for image, label in zip(x, y, strict=True)
    }


def test_the_offline_dataset_is_named_first():
    assert datasets.names()[0] == "digits"


def test_unknown_name_is_told_the_known_ones():
    match = r"'digits'.*'cifar100'.*'mnits'\. Did you mean 'mnist'\?"
    with pytest.raises(ValueError, match=match):
        datasets.load("mnits")


@pytest.mark.parametrize(
    ("seed", "error"), [(-1, ValueError), (0.5, TypeError), (None, TypeError)]
)
def test_a_seed_below_zero_or_not_an_int_is_refused(seed, error):
    with pytest.raises(error, match="`seed` must be an int >= 0"):
        datasets.load("digits", seed=seed)


def test_a_dataset_is_printed_on_one_line():
    data = datasets.load("digits", max_train=100)
    sizes = "100 training and 360 test images (8, 8, 1), 10 classes"
    assert repr(data) == f"<Dataset 'digits': {sizes}>"
    assert str(data) == repr(data)


@pytest.mark.parametrize("argument", ["max_train", "max_test"])
@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-3, ValueError), (1.5, TypeError)]
)
def test_a_maximum_below_one_or_not_an_int_is_refused(argument, value, error):
    with pytest.raises(error, match=rf"`{argument}` must be an int >= 1"):
        datasets.load("digits", **{argument: value})


def test_a_subset_keeps_images_and_labels_together():
    everything = datasets.load("digits")
    few = datasets.load("digits", max_train=100, max_test=50)
    assert few.x_train.shape == (100, 8, 8, 1)
    assert few.y_test.shape == (50,)
    assert rows(few.x_train, few.y_train) < rows(
        everything.x_train, everything.y_train
    )
    assert rows(few.x_test, few.y_test) < rows(
        everything.x_test, everything.y_test
    )


def test_a_smaller_subset_is_part_of_a_larger_one():
    small = datasets.load("digits", max_train=10, seed=3)
    large = datasets.load("digits", max_train=20, seed=3)
    np.testing.assert_array_equal(small.x_train, large.x_train[:10])
    np.testing.assert_array_equal(small.y_train, large.y_train[:10])


def test_another_seed_draws_another_subset():
    a = datasets.load("digits", max_train=50, seed=0)
    b = datasets.load("digits", max_train=50, seed=1)
    assert rows(a.x_train, a.y_train) != rows(b.x_train, b.y_train)


def test_a_maximum_above_the_size_gives_all():
    data = datasets.load("digits", max_train=10_000, max_test=10_000)
    assert (len(data.y_train), len(data.y_test)) == (1437, 360)
