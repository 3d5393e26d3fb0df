"""The step reads like the paper's formula, and shows Keras's signature."""

import inspect

import keras
import pytest

import keras_gc
from keras_gc.models.step import GCStep


def test_training_is_read_at_a_glance():
    methods = (GCStep.train, GCStep.objective, GCStep.run)
    lines = sum(len(inspect.getsourcelines(m)[0]) for m in methods)
    assert lines <= 45


@pytest.mark.parametrize("cls", [keras_gc.GCModel, keras_gc.GCSequential])
@pytest.mark.parametrize("name", ["compile", "fit"])
def test_signatures_are_those_of_keras_and_ours(cls, name):
    keras_parameters = inspect.signature(getattr(keras.Model, name)).parameters
    ours = inspect.signature(getattr(cls, name)).parameters
    assert list(ours)[: len(keras_parameters)] == list(keras_parameters)
    added = list(ours)[len(keras_parameters) :]
    assert added and all(
        n.startswith("gc_") or n == "heuristics" for n in added
    )
    for n, parameter in keras_parameters.items():
        assert ours[n].default == parameter.default
