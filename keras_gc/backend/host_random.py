"""The random numbers of Python and NumPy, which some layers draw from."""

import contextlib
import random
from collections.abc import Iterator

import numpy as np


@contextlib.contextmanager
def keep_host_random_state() -> Iterator[None]:
    """What the block draws from the global generators is drawn again.

    Keras's AugMix chooses its operations with Python's `random`: each time
    that it is called, or traced.

    Yields:
        None.
    """
    of_python, of_numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)
