"""tf.distribute: SAM and GradientPenalty are those of the global batch."""

import os
import subprocess
import sys

import keras
import pytest

if keras.config.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's", allow_module_level=True)

pytestmark = pytest.mark.slow

# Logical devices must be set before TensorFlow starts: a process of its own.
MIRRORED = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
import keras
import numpy as np
from keras_gc.heuristics import *
from tests.heuristics.steps import classifier, data, weights

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2

def train(heuristics):
    model = classifier(
        heuristics, optimizer=keras.optimizers.SGD(0.2), gc_weight=0.1,
        gc_estimator="exact_reverse",
        hidden=[keras.layers.ActivityRegularization(l2=0.1)],
    )
    history = model.fit(
        *data(), batch_size=6, epochs=2, shuffle=False, verbose=0
    ).history
    return weights(model), history

def distance(one, other):
    return max(np.abs(a - b).max() for a, b in zip(one[0], other[0]))

exact = [SAM(0.5), GradientPenalty(0.3, "exact")]
plain, single = train([]), train(exact)
with strategy.scope():
    mirrored = train(exact)
assert distance(single, mirrored) < 1e-5, distance(single, mirrored)
assert distance(single, plain) > 1e-2
for key in ("loss", "gc"):
    np.testing.assert_allclose(single[1][key], mirrored[1][key], rtol=1e-4)
difference = [GradientPenalty(0.3, "forward_difference")]
single = train(difference)
with strategy.scope():
    mirrored = train(difference)
assert distance(single, mirrored) < 2e-3, distance(single, mirrored)
assert distance(single, plain) > 1e-2
np.testing.assert_allclose(single[1]["loss"], mirrored[1]["loss"], rtol=1e-4)
print("mirrored equals single")

noise = [InputNoise(0.5), LabelNoise(0.5), WeightNoise(0.1)]
with strategy.scope():
    noisy = train(exact + noise)
    model = classifier(noise)
assert np.isfinite(noisy[1]["loss"]).all()
copies = strategy.run(
    lambda: noise[0].corrupt(
        tf.zeros((2, 2)), None, model, model.gc_tracker.seeds[0]
    )[0]
)
one, other = (c.numpy() for c in strategy.experimental_local_results(copies))
assert (one != other).all()
print("replicas draw their own noise")
"""


def test_mirrored_strategy_equals_one_device():
    result = subprocess.run(
        [sys.executable, "-c", MIRRORED],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    assert "mirrored equals single" in result.stdout
    assert "replicas draw their own noise" in result.stdout
