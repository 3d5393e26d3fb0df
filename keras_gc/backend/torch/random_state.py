"""Random numbers that do not come from a Keras seed."""

import contextlib

import torch


@contextlib.contextmanager
def keep_random_state():
    """What the block draws from torch's global generators is drawn again."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield
