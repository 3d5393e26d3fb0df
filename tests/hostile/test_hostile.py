"""Some hundreds of tries; `python -m tests.hostile` makes thousands."""

import os

import pytest

from tests.hostile.attack import attack
from tests.hostile.targets import TARGETS

TRIES = int(os.environ.get("HOSTILE_TRIES", "30"))  # for each target


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_hostile_input_ends_in_a_value_or_in_a_sentence(target):
    outcomes = [attack(index, target)[1] for index in range(TRIES)]
    faults = [o for o in outcomes if o not in {"value", "sentence"}]
    assert faults == []
    assert "sentence" in outcomes
