"""Random numbers that do not come from a Keras seed."""

import contextlib

import torch

from keras_gc.backend.host_random import keep_host_random_state


@contextlib.contextmanager
def keep_random_state():
    """What the block draws from global generators is drawn again."""
    devices = range(torch.cuda.device_count())
    with keep_host_random_state(), torch.random.fork_rng(devices=devices):
        yield
