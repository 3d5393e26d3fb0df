"""All heuristics together: order, compilation, precision, evaluation."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gc.heuristics import (
    SAM,
    GradientPenalty,
    InputNoise,
    LabelNoise,
    WeightNoise,
)
from tests.heuristics.steps import (
    MODES,
    assert_close,
    classifier,
    data,
    gradients,
    weights,
)

ALL = (
    SAM(0.2),
    WeightNoise(0.1, seed=3),
    GradientPenalty(0.1, "exact"),
    LabelNoise(0.5, seed=2),
    InputNoise(0.3, seed=1),
)


def one_step(heuristics, **arguments):
    model = classifier(
        heuristics, gc_weight=0.1, gc_estimator="exact_reverse", **arguments
    )
    return gradients(model, *data())


def distance(arrays, others):
    return max(np.abs(a - b).max() for a, b in zip(arrays, others, strict=True))


@pytest.fixture(scope="module")
def composed():
    return one_step(ALL)


@pytest.mark.parametrize("order", [(4, 3, 2, 1, 0), (2, 0, 4, 1, 3)], ids=str)
def test_the_order_of_the_list_does_not_matter(composed, order):
    assert distance(one_step([ALL[i] for i in order]), composed) < 1e-5


@pytest.mark.parametrize("left_out", ALL, ids=repr)
def test_each_takes_part(composed, left_out):
    rest = one_step([h for h in ALL if h is not left_out])
    assert distance(rest, composed) > 1e-2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=str)
def test_sam_takes_the_gradients_of_the_whole_loss(order):
    # In both ways that the penalty has: SAM is outside of it.
    def step(mode, order):
        two = [SAM(0.2), GradientPenalty(0.1, mode)]
        return one_step([two[i] for i in order])

    exact = step("exact", (0, 1))
    assert distance(step("forward_difference", order), exact) < 5e-3
    assert distance(one_step([SAM(0.2)]), exact) > 1e-2


not_torch = pytest.mark.skipif(
    keras.config.backend() == "torch", reason="all its steps are eager"
)
COMPILED = [mode for mode in MODES if "jit_compile" in mode]


@not_torch
@pytest.mark.parametrize("mode", COMPILED, ids=str)
def test_eager_and_compiled_steps_agree(mode):
    # Under XLA, TensorFlow draws other random numbers.
    noisy = keras.config.backend() == "jax" or not mode["jit_compile"]
    heuristics = ALL if noisy else [SAM(0.2), GradientPenalty(0.1, "exact")]
    eager = one_step(heuristics, run_eagerly=True)
    assert distance(one_step(heuristics, **mode), eager) < 1e-5


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_each_compiled_step_draws_anew(mode):
    model = classifier(ALL, optimizer=keras.optimizers.SGD(0.0), **mode)
    losses = [float(model.train_on_batch(*data())) for _ in range(2)]
    assert losses[0] != losses[1]


def test_a_seed_repeats_the_noise_and_another_does_not():
    def noises(first, second):
        return [InputNoise(0.3, seed=first), WeightNoise(0.1, seed=second)]

    one = one_step(noises(1, 2))
    assert distance(one_step(noises(1, 2)), one) == 0
    assert distance(one_step(noises(1, 3)), one) > 1e-3
    assert distance(one_step(noises(3, 2)), one) > 1e-3


def test_without_a_seed_keras_decides():
    # classifier() calls keras.utils.set_random_seed.
    noises = [InputNoise(0.3), WeightNoise(0.1)]
    assert distance(one_step(noises), one_step(noises)) == 0


def test_equal_seeds_of_two_kinds_draw_different_numbers():
    model = classifier([InputNoise(0.3, seed=1), WeightNoise(0.1, seed=1)])
    one, other = (
        ops.convert_to_numpy(seed.state) for seed in model.gc_tracker.seeds
    )
    assert abs(int(one[0]) - int(other[0])) > 1


def test_evaluation_and_prediction_are_clean():
    x, y = data()
    noisy, plain = classifier(ALL), classifier()
    assert_close(
        [noisy.predict(x, verbose=0), noisy.evaluate(x, y, verbose=0)],
        [plain.predict(x, verbose=0), plain.evaluate(x, y, verbose=0)],
        rtol=1e-6,
    )


def test_statistics_are_updated_once_in_a_step():
    # Of the inputs: neither noise on weights nor SAM changes them.
    states = []
    for heuristics in ([], ALL[:3]):
        model = classifier(
            heuristics, first=[keras.layers.BatchNormalization()]
        )
        model.train_on_batch(*data())
        states.append([
            ops.convert_to_numpy(v) for v in model.non_trainable_variables
        ])
    assert_close(*states, rtol=1e-6)
    assert np.abs(states[0][0]).min() > 0


@pytest.fixture
def half_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


def test_half_precision_is_near_full_precision(composed, half_precision):
    half = one_step(ALL)
    scale = max(np.abs(g).max() for g in composed)
    assert distance(half, composed) < 0.02 * scale


def test_a_gradient_that_overflows_skips_the_step(half_precision):
    optimizer = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(1.0), initial_scale=2.0**40
    )
    model = classifier(ALL, optimizer=optimizer)
    start = weights(model)
    model.train_on_batch(*data())
    assert distance(weights(model), start) == 0
    assert float(ops.convert_to_numpy(optimizer.dynamic_scale)) == 2.0**39
