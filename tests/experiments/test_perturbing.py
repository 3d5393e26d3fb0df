import keras
import numpy as np

from keras_gc.experiments.perturbing import fast_gradient_sign, with_noise


def test_noise_is_repeatable_and_stays_in_range():
    x = np.full((100, 50), 0.5, "float32")
    noisy = with_noise(x, 0.1, seed=0)
    assert np.array_equal(noisy, with_noise(x, 0.1, seed=0))
    assert not np.array_equal(noisy, with_noise(x, 0.1, seed=1))
    # 5,000 draws: four standard errors of a standard deviation.
    assert abs(noisy.std() - 0.1) < 4 * 0.1 / np.sqrt(2 * 5000)
    wild = with_noise(x, 5.0, seed=0)
    assert (wild.min(), wild.max(), wild.dtype) == (0, 1, "float32")


def test_an_attack_on_a_linear_model_goes_along_its_weights():
    model = keras.Sequential([
        keras.Input((3,)),
        keras.layers.Dense(2, use_bias=False),
    ])
    kernel = np.array([[1.0, -1.0], [-2.0, 0.0], [0.0, 0.0]])
    model.set_weights([kernel])
    x = np.full((2, 3), 0.5, "float32")
    moved = fast_gradient_sign(model, x, np.array([0, 1]), 0.1)
    # Against class 0: down where its logit gains; the third input tells
    # nothing. Near the border of the range the step is cut off.
    expected = [[0.4, 0.6, 0.5], [0.6, 0.4, 0.5]]
    np.testing.assert_allclose(moved, expected, atol=1e-6)
    edge = fast_gradient_sign(model, 0 * x, np.array([0, 1]), 0.1)
    np.testing.assert_allclose(edge, [[0, 0.1, 0], [0.1, 0, 0]], atol=1e-6)
