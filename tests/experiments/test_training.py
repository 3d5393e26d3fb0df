import dataclasses

import keras
import numpy as np
import pytest

from keras_gc.datasets import Dataset
from keras_gc.experiments.measuring import (
    LOSSES,
    ExactGC,
    cross_entropy,
    evaluate,
    squared_errors,
)
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.experiments.training import (
    Batches,
    train,
    with_wrong_labels,
)


def blobs(num=120):
    """Three classes around three points of the plane."""
    rng = np.random.default_rng(0)
    y = np.arange(num, dtype="int32") % 3
    x = np.eye(3)[y][:, :2] + 0.1 * rng.normal(size=(num, 2))
    x = x.astype("float32")
    return Dataset("blobs", x[:90], y[:90], x[90:], y[90:], 3)


TINY = Recipe(
    width=8, depth=1, batch_size=10, epochs=6, num_gc=20, num_gc_along=20
)


def test_a_run_records_its_curve_from_the_first_step_to_the_last():
    _, result = train(TINY, 0, blobs(), lambda model: {"seen": True})
    steps = [point["step"] for point in result["curve"]]
    assert steps[:6] == [0, 1, 2, 3, 5, 8]
    assert steps[-1] == result["steps"] == 6 * 9
    assert all(point["seen"] for point in result["curve"])
    assert result["curve"][-1]["gc"] == pytest.approx(result["gc"])
    assert result["curve"][-1]["loss"] == pytest.approx(result["train_loss"])
    assert result["reached_loss"] is None


def test_each_epoch_shows_each_example_once_in_another_order():
    data = blobs()._replace(y_train=np.arange(90))
    batches = Batches(data, 30, epochs=2, seed=0)
    assert batches.num_batches == 6
    labels = [batches[i][1] for i in range(6)]
    first, second = np.concatenate(labels[:3]), np.concatenate(labels[3:])
    assert set(first) == set(second) == set(range(90))
    assert not np.array_equal(first, second)
    again = Batches(data, 30, epochs=2, seed=0)[4]
    assert np.array_equal(again[1], labels[4])
    assert np.array_equal(again[0], data.x_train[labels[4]])


def test_a_run_counts_the_examples_that_there_were():
    _, result = train(dataclasses.replace(TINY, num_train=4000), 0, blobs())
    assert (result["num_train"], result["num_test"]) == (90, 30)


def test_chance_is_the_share_of_the_most_frequent_training_class():
    data = blobs()
    data = data._replace(y_train=np.minimum(data.y_train, 1))
    assert train(TINY, 0, data)[1]["chance_accuracy"] == pytest.approx(2 / 3)


def test_training_stops_at_the_loss_asked_for():
    recipe = Recipe(
        width=8, depth=1, batch_size=10, epochs=60, stop_at_loss=0.3, num_gc=20
    )
    _, result = train(recipe, 0, blobs())
    assert result["reached_loss"]
    assert 0.25 < result["train_loss"] <= 0.3
    assert result["steps"] < 60 * 9


def test_a_loss_out_of_reach_is_said():
    recipe = Recipe(
        width=8, depth=1, batch_size=10, epochs=3, stop_at_loss=0.0, num_gc=20
    )
    assert train(recipe, 0, blobs())[1]["reached_loss"] is False


def test_the_seed_decides_the_run():
    first, again, other = (train(TINY, s, blobs())[1] for s in (0, 0, 1))
    assert first == again
    assert first["gc"] != other["gc"]


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "adam", "learning_rate": 0.01},
        {"l2": 0.1},
        {"spectral_norm": 0.1},
        {"gc_weight": 0.1},
        {"gc_weight": 0.1, "gc_outputs": "embedding"},
        {"sam_rho": 0.1},
        {"gradient_penalty": 0.1},
        {"input_noise": 0.3},
        {"label_noise": 0.3},
        {"weight_noise": 0.1},
    ],
    ids=lambda change: "-".join(change),
)
def test_each_field_of_a_recipe_changes_the_run(change):
    recipe = Recipe(
        **{"width": 8, "depth": 1, "batch_size": 10, "epochs": 2} | change
    )
    plain = Recipe(width=8, depth=1, batch_size=10, epochs=2)
    gc = [train(r, 0, blobs())[1]["gc"] for r in (recipe, plain)]
    assert abs(gc[0] - gc[1]) > 1e-4 * gc[1]


def test_exact_gc_of_a_linear_model_is_the_sum_of_its_squared_weights():
    model = keras.Sequential([
        keras.Input((2,)),
        keras.layers.Dense(3, use_bias=False),
    ])
    kernel = np.arange(6.0).reshape(2, 3)
    gc = ExactGC(model, batch_size=4)
    for scale in (1.0, 2.0):  # traced once, and yet it sees new weights
        model.set_weights([scale * kernel])
        assert gc(np.ones((10, 2))) == pytest.approx(scale**2 * 55, rel=1e-6)


def test_cross_entropy_and_accuracy_of_known_logits():
    logits = np.log([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]).astype("float32")
    expected = -(np.log(0.5) + np.log(0.1)) / 2
    assert cross_entropy(logits, np.array([0, 2])) == pytest.approx(expected)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Identity()])
    loss, accuracy = evaluate(model, logits, np.array([0, 2]))
    assert (loss, accuracy) == (pytest.approx(expected), 0.5)


def test_wrong_labels_are_nested_and_as_many_as_asked_for():
    y = np.zeros(20_000, "int32")
    half = with_wrong_labels(y, 0.5, 10)
    assert np.array_equal(with_wrong_labels(y, 0.0, 10), y)
    # 45% differ, for a random label is right in one of ten; four sigma.
    assert np.mean(half != y) == pytest.approx(0.45, abs=4 * 0.0035)
    all_random = with_wrong_labels(y, 1.0, 10)
    assert np.array_equal(half[half != y], all_random[half != y])
    assert half.dtype == y.dtype


def test_colour_images_get_convolutions_and_paper_scale_gets_a_resnet():
    assert base_recipe("small", "mnist").network == "mlp"
    assert base_recipe("small", "cifar10").network == "lenet"
    assert base_recipe("paper", "cifar10").network == "resnet18"
    assert base_recipe("smoke", "digits", epochs=3).epochs == 3


def test_squared_errors_are_against_centred_one_hot_labels():
    outputs = np.array([[0.5, -0.5], [1.0, 0.0]], "float32")
    errors = squared_errors(keras.ops.convert_to_tensor(outputs), [0, 0])
    assert np.allclose(errors, [0.0, 0.25])
    mean = LOSSES["squared"](outputs, np.array([0, 0]))
    assert mean == pytest.approx(0.125)


def test_a_run_on_the_squared_loss_lowers_it():
    recipe = dataclasses.replace(TINY, loss="squared", momentum=0.9)
    _, result = train(recipe, 0, blobs())
    first, last = result["curve"][0], result["curve"][-1]
    assert last["loss"] == pytest.approx(result["train_loss"])
    assert last["loss"] < 0.5 * first["loss"]
