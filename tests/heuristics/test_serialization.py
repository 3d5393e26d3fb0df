"""Heuristics from names, configs and classes; lists of them; save and load."""

import json
import re

import keras
import pytest

from keras_gc import heuristics
from keras_gc.heuristics import (
    SAM,
    GradientPenalty,
    InputNoise,
    LabelNoise,
    WeightNoise,
)
from tests.heuristics.steps import classifier, data, gradients

ALL = [
    SAM(0.1),
    GradientPenalty(0.2),
    InputNoise(0.3, seed=1),
    LabelNoise(rate=0.4, seed=2),
    LabelNoise(stddev=0.4),
    WeightNoise(0.5),
]


@pytest.mark.parametrize("heuristic", ALL, ids=repr)
def test_a_config_makes_the_same_heuristic(heuristic):
    config = json.loads(
        json.dumps(keras.saving.serialize_keras_object(heuristic))
    )
    copy = heuristics.get(config)
    assert type(copy) is type(heuristic)
    assert copy.get_config() == heuristic.get_config() == vars(heuristic)


def test_names_classes_and_instances():
    sam = SAM()
    assert heuristics.get(sam) is sam
    assert isinstance(heuristics.get("sam"), SAM)
    assert isinstance(heuristics.get(SAM), SAM)


@pytest.mark.parametrize(
    ("identifier", "error", "message"),
    [
        ("swim", ValueError, "`heuristic` must be one of ['gradient_penalty'"),
        (
            "input_noise",
            ValueError,
            "`keras_gc.heuristics.InputNoise(stddev=...)`",
        ),
        (GradientPenalty, ValueError, "GradientPenalty(weight=...)`"),
        ("label_noise", ValueError, "exactly one of `rate`"),
        (0.1, TypeError, "must be a name, a config, a subclass or an instance"),
        (dict, TypeError, "Received: <class 'dict'>"),
    ],
    ids=str,
)
def test_anything_else_is_refused(identifier, error, message):
    with pytest.raises(error, match=re.escape(message)):
        heuristics.get(identifier)


def test_two_of_a_kind_are_refused_by_name():
    class Own(SAM):
        pass

    message = "at most one of each kind.*SAM(rho=0.1) and SAM(rho=0.2)"
    message = re.escape(message).replace(r"\.\*", ".*")
    with pytest.raises(ValueError, match=message):
        heuristics.get_all([SAM(0.1), InputNoise(0.1), SAM(0.2)])
    with pytest.raises(ValueError, match="at most one of each kind"):
        heuristics.get_all([SAM(0.1), Own(0.2)])


@pytest.mark.parametrize("identifiers", ["sam", SAM(), None], ids=repr)
def test_a_list_is_needed(identifiers):
    with pytest.raises(TypeError, match="`heuristics` must be a list"):
        heuristics.get_all(identifiers)


def test_a_saved_model_trains_on_as_before(tmp_path):
    chosen = [
        SAM(0.1), GradientPenalty(0.2), InputNoise(0.3, seed=1),
        LabelNoise(0.4, seed=2), WeightNoise(0.5, seed=3),
    ]  # fmt: skip
    model = classifier(chosen, gc_metric=False)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    kept = loaded.get_compile_config()["heuristics"]
    assert kept == model.get_compile_config()["heuristics"]
    for one, other in zip(
        gradients(model, *data()), gradients(loaded, *data()), strict=True
    ):
        assert abs(one - other).max() < 1e-6


def test_no_heuristics_are_not_saved():
    assert "heuristics" not in classifier().get_compile_config()
