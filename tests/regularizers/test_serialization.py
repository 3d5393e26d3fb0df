"""Identifiers, configs, and saved models, in this process and a new one."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_gc.regularizers import SpectralNorm, get

CONFIG = {"strength": 0.25, "power_iterations": 7, "conv": "exact"}


def test_config_is_what_was_passed_and_survives_json():
    regularizer = SpectralNorm(**CONFIG)
    assert regularizer.get_config() == CONFIG
    config = keras.regularizers.serialize(regularizer)
    again = keras.regularizers.get(json.loads(json.dumps(config)))
    assert isinstance(again, SpectralNorm)
    assert again.get_config() == CONFIG


@pytest.mark.parametrize(
    "identifier",
    ["spectral_norm", "SpectralNorm", SpectralNorm, SpectralNorm()],
    ids=["snake_case", "class_name", "class", "instance"],
)
def test_get_returns_one_with_defaults(identifier):
    regularizer = get(identifier)
    assert isinstance(regularizer, SpectralNorm)
    assert regularizer.get_config() == {
        "strength": 0.01, "power_iterations": 12, "conv": "reshape"
    }  # fmt: skip


def test_get_keeps_an_instance_and_none_and_reads_a_config():
    regularizer = SpectralNorm(**CONFIG)
    assert get(regularizer) is regularizer
    assert get(None) is None
    config = keras.regularizers.serialize(regularizer)
    assert get(config).get_config() == CONFIG
    short = {"class_name": "keras_gc>SpectralNorm", "config": CONFIG}
    assert get(short).get_config() == CONFIG


def test_get_knows_the_regularizers_of_keras():
    assert isinstance(get("l2"), keras.regularizers.L2)
    assert isinstance(get("L1L2"), keras.regularizers.L1L2)


def test_get_lists_the_known_names():
    with pytest.raises(ValueError) as error:
        get("spectral")
    for name in ("spectral_norm", "L1", "L2", "'spectral'"):
        assert name in str(error.value)
    with pytest.raises(ValueError, match="3"):
        get(3)


def test_layer_takes_a_config_but_no_string_of_ours():
    config = {"class_name": "keras_gc>SpectralNorm", "config": CONFIG}
    layer = keras.layers.Dense(2, kernel_regularizer=config)
    assert layer.kernel_regularizer.get_config() == CONFIG
    # When Keras begins to look such strings up, `get` should say so.
    for name in ("spectral_norm", "keras_gc>SpectralNorm"):
        with pytest.raises(ValueError, match="Could not interpret"):
            keras.layers.Dense(2, kernel_regularizer=name)


LOAD = """
import sys
import keras
import keras_gc.regularizers
model = keras.saving.load_model(sys.argv[1])
print(model.layers[0].kernel_regularizer.get_config())
print(float(keras.ops.convert_to_numpy(sum(model.losses))))
"""


def test_saved_model_loads_here_and_in_a_fresh_process(tmp_path):
    model = keras.Sequential([
        keras.Input((8, 8, 2)),
        keras.layers.Conv2D(3, 3, kernel_regularizer=SpectralNorm(**CONFIG)),
    ])
    path = tmp_path / "model.keras"
    model.save(path)
    penalty = float(keras.ops.convert_to_numpy(sum(model.losses)))

    loaded = keras.saving.load_model(path)
    assert loaded.layers[0].kernel_regularizer.get_config() == CONFIG
    again = float(keras.ops.convert_to_numpy(sum(loaded.losses)))
    np.testing.assert_allclose(again, penalty, rtol=1e-6)

    out = subprocess.run(
        [sys.executable, "-c", LOAD, path],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    config, loss = out.splitlines()[-2:]
    assert config == str(CONFIG)
    np.testing.assert_allclose(float(loss), penalty, rtol=1e-6)
