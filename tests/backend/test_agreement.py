"""One saved model, one data set, three backends: the same numbers."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

pytestmark = pytest.mark.slow
BACKENDS = ("tensorflow", "jax", "torch")

# Each backend must be chosen before Keras is imported: a process for each.
WORKER = """
import sys
import keras
import numpy as np
import keras_gc

folder = sys.argv[1]
model = keras.saving.load_model(f"{folder}/model.keras")
data = np.load(f"{folder}/data.npz")
norms = keras_gc.jacobian_norms(model, data["x"], estimator="exact_reverse")
model = keras_gc.GCModel.from_model(model)
model.compile(
    keras.optimizers.SGD(0.05, momentum=0.9),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    gc_weight=0.01,
    gc_estimator="exact_reverse",
)
history = model.fit(
    data["x"], data["y"], batch_size=16, epochs=5, shuffle=False, verbose=0
).history
np.savez(f"{folder}/{keras.config.backend()}.npz", norms=norms, **history)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    if keras.config.backend() != "tensorflow":
        pytest.skip("compared once, in the run on TensorFlow")
    for backend in BACKENDS:
        if importlib.util.find_spec(backend) is None:
            pytest.skip(f"{backend} is not installed")
    folder = tmp_path_factory.mktemp("agreement")
    model = keras.Sequential([
        keras.Input((8, 8, 1)),
        layers.Conv2D(6, 3, strides=2, activation="gelu"),
        layers.BatchNormalization(),
        layers.SeparableConv2D(8, 2, activation="tanh"),
        layers.Flatten(),
        layers.LayerNormalization(),
        layers.Dense(10),
    ])
    model.save(folder / "model.keras")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 8, 8, 1)).astype("float32")
    np.savez(folder / "data.npz", x=x, y=rng.integers(0, 10, 64))
    for backend in BACKENDS:
        subprocess.run(
            [sys.executable, "-c", WORKER, folder],
            env={**os.environ, "KERAS_BACKEND": backend},
            check=True,
        )
    return {b: dict(np.load(folder / f"{b}.npz")) for b in BACKENDS}


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_jacobian_norms_agree(results, backend):
    expected = results["tensorflow"]["norms"]
    assert expected.shape == (64,)
    assert (expected > 0).all()
    np.testing.assert_allclose(results[backend]["norms"], expected, rtol=1e-5)


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("name", ["loss", "gc"])
def test_training_curves_agree(results, backend, name):
    """To 1e-4 after 20 steps: float32 rounding, carried on by training."""
    expected = results["tensorflow"][name]
    assert expected[-1] < expected[0]
    np.testing.assert_allclose(results[backend][name], expected, rtol=1e-4)
