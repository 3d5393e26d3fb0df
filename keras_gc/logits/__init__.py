"""The network whose Jacobian is taken, and what is checked about it."""

from keras_gc.logits.evaluation_point import (
    check_built,
    input_dtype,
    input_structure,
)
from keras_gc.logits.facts import (
    Facts,
    check_facts,
    check_not_probabilities,
)
from keras_gc.logits.find_layer import find_layer
from keras_gc.logits.network import LogitNetwork
from keras_gc.logits.probabilities import (
    REARRANGING,
    activation_name,
    without_activation,
)

__all__ = [
    "REARRANGING",
    "Facts",
    "LogitNetwork",
    "activation_name",
    "check_built",
    "check_facts",
    "check_not_probabilities",
    "find_layer",
    "input_dtype",
    "input_structure",
    "without_activation",
]
