"""The core needs keras, numpy and a backend; the rest is asked for by name."""

import os
import subprocess
import sys

import keras
import pytest

from keras_gc import _extras

# A finder before all others, for which nothing optional is installed. The
# backends load some of it for themselves (JAX: SciPy), before.
BLOCKED = """
import sys
import keras

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""
OPTIONAL = {"pandas", *_extras.EXTRAS} - {keras.config.backend()}

CORE = """
import numpy as np
import keras
import keras_gc
from keras_gc import callbacks, heuristics, regularizers, theory

x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
y = np.arange(8) % 2
inputs = keras.Input((3,))
hidden = keras.layers.Dense(
    4, "tanh", kernel_regularizer=regularizers.SpectralNorm(0.1)
)(inputs)
model = keras_gc.GCModel(inputs, keras.layers.Dense(2)(hidden))
model.compile(
    "sgd",
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    gc_weight=0.1,
    heuristics=[heuristics.SAM(0.1), heuristics.InputNoise(0.1)],
)
history = model.fit(
    x, y, verbose=0, callbacks=[callbacks.GeometricComplexity(x, name="again")]
).history
assert history["gc"][0] > 0 and history["again"][0] > 0
assert float(keras_gc.geometric_complexity(model, x)) > 0
assert theory.spectral_bound(model) > 0
assert (theory.transfer_bound(model, x).ratio <= 1.001).all()
"""


def run(code):
    return subprocess.run(
        [sys.executable, "-c", BLOCKED.format(blocked=OPTIONAL) + code],
        env={**os.environ, "KERAS_BACKEND": keras.config.backend()},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_core_works_alone():
    result = run(CORE)
    assert result.returncode == 0, result.stderr[-3000:]


@pytest.mark.parametrize(
    ("code", "package"),
    [
        ("keras_gc.datasets.load('digits')", "sklearn"),
        ("keras_gc.datasets.load('mnist')", "tensorflow_datasets"),
    ],
)
def test_a_feature_names_the_extra_that_it_needs(monkeypatch, code, package):
    import keras_gc

    monkeypatch.setitem(sys.modules, package, None)
    for name in [n for n in sys.modules if n.startswith(f"{package}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=rf"{package}.*keras-gc\[lab"):
        eval(code, {"keras_gc": keras_gc})


def test_the_command_says_so_in_one_line(monkeypatch, capsys, tmp_path):
    from keras_gc import cli

    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert cli.main(["list"]) == 2
    error = capsys.readouterr().err
    assert 'pip install "keras-gc[lab]"' in error
    assert error.count("\n") == 1


def test_a_missing_module_of_somebody_else_stays_as_it_is():
    with pytest.raises(ModuleNotFoundError, match="No module named 'nobodys'"):
        with _extras.named():
            import nobodys  # noqa: F401
