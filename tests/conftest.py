"""Every test run: one named backend, eight devices for JAX, one seed."""

import importlib.util
import os
from pathlib import Path

import pytest

BACKENDS = ("tensorflow", "jax", "torch")

# Processes that a test starts see the same checkout as the test.
os.environ["PYTHONPATH"] = os.pathsep.join([
    str(Path(__file__).parents[1]),
    os.environ.get("PYTHONPATH", ""),
]).rstrip(os.pathsep)

# Keras reads the variable once, when it is first imported. A backend that is
# unknown or missing is an error, never a skip: a run that tests nothing must
# not look like a run that passed.
_backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
if _backend not in BACKENDS:
    raise pytest.UsageError(
        f"KERAS_BACKEND must be one of {BACKENDS}. "
        f"Received: KERAS_BACKEND={_backend!r}"
    )
if importlib.util.find_spec(_backend) is None:
    raise pytest.UsageError(
        f"KERAS_BACKEND={_backend!r}, but {_backend} is not installed. "
        f"Install it with `pip install {_backend}`, or choose another backend."
    )
if _backend == "jax":
    os.environ["XLA_FLAGS"] = (
        os.environ.get("XLA_FLAGS", "")
        + " --xla_force_host_platform_device_count=8"
    )
if _backend == "torch":
    # The workers of pytest-xdist share the cores, and torch's threads spin
    # while they wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def same_seed_for_every_test():
    """Make a test's result independent of the tests that ran before it."""
    import keras

    keras.utils.set_random_seed(0)
