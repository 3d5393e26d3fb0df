"""What a run depends on besides its recipe: versions, precision, devices."""

import platform
import sys

from keras_gc import _version


def environment() -> dict:
    """Describe the software and the precision of this process.

    Returns:
        A dict of plain JSON values: the versions of Python, of Keras, of its
        backend and of keras_gc, the float type, whether float32 products may
        be rounded to TF32, and the devices.
    """
    import keras

    backend = keras.config.backend()
    devices = _devices(backend)
    return {
        "python": platform.python_version(),
        "keras": keras.version(),
        "backend": backend,
        backend: sys.modules[backend].__version__,
        "keras_gc": _version.__version__,
        "floatx": keras.config.floatx(),
        "dtype_policy": keras.config.dtype_policy().name,
        "tf32": _allows_tf32(backend, devices),
        "devices": devices,
    }


def _devices(backend: str) -> list[str]:
    import keras

    if backend == "torch":  # of whose devices Keras 3.15 keeps no list
        cuda = sys.modules["torch"].cuda
        return [f"cuda:{i}" for i in range(cuda.device_count())] or ["cpu"]
    return keras.distribution.list_devices()


def _allows_tf32(backend: str, devices: list[str]) -> bool | None:
    """Return whether float32 products may be rounded to TF32, if known."""
    if not any(device.startswith(("gpu", "cuda")) for device in devices):
        return False
    # Keras has loaded it already: only backend/ imports frameworks.
    framework = sys.modules[backend]
    if backend == "tensorflow":
        config = framework.config.experimental
        return config.tensor_float_32_execution_enabled()
    if backend == "torch":
        # Products of matrices and convolutions have a switch each.
        return (
            framework.get_float32_matmul_precision() != "highest"
            or framework.backends.cudnn.allow_tf32
        )
    if backend == "jax":
        precision = framework.config.jax_default_matmul_precision
        return precision not in {"highest", "float32"}
    return None
