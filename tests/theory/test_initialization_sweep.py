import inspect

import keras
import numpy as np
import pytest

from keras_gc.theory.initialization_sweep import (
    INITIALIZERS,
    initialization_sweep,
    segment,
)


def build(depth, initializer):
    relu = {"activation": "relu", "kernel_initializer": initializer}
    return keras.Sequential([
        keras.Input((4, 4)),
        keras.layers.Flatten(),
        *(keras.layers.Dense(32, **relu) for _ in range(depth - 1)),
        keras.layers.Dense(3, kernel_initializer=initializer),
    ])


def test_one_row_for_each_initializer_and_depth():
    rows = initialization_sweep(
        build, [1, 2], ["he_normal", "orthogonal"], num_points=5
    )
    assert [(row["initializer"], row["depth"]) for row in rows] == [
        ("he_normal", 1),
        ("he_normal", 2),
        ("orthogonal", 1),
        ("orthogonal", 2),
    ]


def test_gc_of_a_linear_network_is_the_squared_norm_of_its_weights():
    (row,) = initialization_sweep(build, [1], ["glorot_normal"], seed=3)
    keras.utils.set_random_seed(3)
    kernel, _ = build(1, "glorot_normal").get_weights()
    assert row["gc"] == pytest.approx(np.sum(kernel**2), rel=1e-5)
    assert row["standard_error"] < 1e-6


def test_gc_falls_with_depth_for_glorot_in_relu_networks():
    rows = initialization_sweep(
        build, [2, 4, 8], ["glorot_uniform"], num_points=20
    )
    shallow, middle, deep = (row["gc"] for row in rows)
    assert shallow > middle > deep


def test_a_row_depends_on_its_seed_alone():
    sweep = {
        seed: initialization_sweep(build, [2], INITIALIZERS[:2], seed=seed)
        for seed in (0, 1)
    }
    alone = initialization_sweep(build, [2], INITIALIZERS[1:2], seed=0)
    assert alone == sweep[0][1:]
    assert sweep[0] != sweep[1]


def test_the_list_holds_all_random_initializers_without_arguments():
    of_keras = {
        cls.__name__
        for cls in vars(keras.initializers).values()
        if inspect.isclass(cls)
        and "seed" in inspect.signature(cls).parameters
        and all(
            p.default is not inspect.Parameter.empty
            for p in inspect.signature(cls).parameters.values()
        )
    }
    listed = {
        type(keras.initializers.get(name)).__name__ for name in INITIALIZERS
    }
    assert listed == of_keras


def test_the_segment_joins_two_random_vertices_of_the_cube():
    points = segment((2, 8), 5, seed=0)
    assert points.shape == (5, 2, 8)
    assert set(np.abs(points[[0, -1]]).ravel()) == {1.0}
    np.testing.assert_allclose(points[2], (points[0] + points[4]) / 2)
    assert np.any(points[0] != points[4])
    assert np.any(points[0] != -points[4])
    assert np.any(points[0] != segment((2, 8), 5, seed=1)[0])


def test_errors_say_what_is_needed():
    with pytest.raises(ValueError, match="`num_points` must be an int >= 1"):
        initialization_sweep(build, [1], num_points=0)
    with pytest.raises(TypeError, match="`depths` must be an int >= 1"):
        initialization_sweep(build, [1.5])
    with pytest.raises(ValueError, match="several names, in a list"):
        initialization_sweep(build, [1], "he_normal")
