"""Seeds for draws that must not be alike."""

import itertools
import random
from collections.abc import Iterator
from typing import Any


def seed_stream(seed: Any) -> Iterator[Any]:
    """Yield seeds for draws that must not be alike.

    A generator gives new numbers each time; an int would give the same ones.

    Args:
        seed: int, `keras.random.SeedGenerator` or None.

    Yields:
        Ints where `seed` is one; else `seed` itself, again and again.
    """
    if isinstance(seed, int):
        generator = random.Random(seed)
        while True:
            yield generator.getrandbits(31)
    yield from itertools.repeat(seed)
