"""keras.distribution on JAX gives the numbers of a single device."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

if keras.config.backend() != "jax":
    pytest.skip("keras.distribution shards on JAX", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parent))
import scenario  # noqa: E402


@pytest.fixture
def distribution(request):
    keras.distribution.set_distribution(request.param())
    yield keras.distribution.distribution()
    keras.distribution.set_distribution(None)


def data_parallel():
    return keras.distribution.DataParallel(
        devices=keras.distribution.list_devices()
    )


def model_parallel():
    mesh = keras.distribution.DeviceMesh(
        (2, 4), ("batch", "model"), keras.distribution.list_devices()
    )
    layout = keras.distribution.LayoutMap(mesh)
    layout["dense.*kernel"] = (None, "model")
    layout["dense.*bias"] = ("model",)
    return keras.distribution.ModelParallel(
        layout_map=layout, batch_dim_name="batch"
    )


@pytest.fixture(scope="module")
def single():
    return scenario.train(scenario.model())


@pytest.mark.parametrize(
    "distribution",
    [data_parallel, model_parallel],
    indirect=True,
    ids=["DataParallel", "ModelParallel"],
)
def test_eight_devices_equal_one(single, distribution):
    assert len(keras.distribution.list_devices()) == 8
    scenario.assert_same(single, scenario.train(scenario.model()))


@pytest.mark.parametrize(
    "distribution", [data_parallel], indirect=True, ids=["DataParallel"]
)
def test_sampled_outputs_keep_one_running_mean(distribution):
    model = scenario.model("sampled_outputs")
    scenario.train(model)
    means = np.asarray(model.gc_settings.gc_estimator.mean_squares.value)
    assert means.shape == (8,)
    assert (means > 0).all()
