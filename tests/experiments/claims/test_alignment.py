import dataclasses
import math

import pytest

from keras_gc.experiments.claims import alignment
from keras_gc.experiments.experiment import SCALES

CURVE = [
    {"step": 0, "loss": 3.0, "gc": 1.0, "val_accuracy": 0.1},
    {"step": 8, "loss": 2.0, "gc": 10.0, "val_accuracy": 0.7},
    {"step": 16, "loss": 1.0, "gc": 1000.0, "val_accuracy": 0.6},
    {"step": 24, "loss": 1.5, "gc": 200.0, "val_accuracy": 0.7},
]


def test_gc_is_read_where_runs_are_comparable():
    read = alignment.aligned(CURVE, equal_loss=1.5)
    assert read["gc_at_step"] == 200.0
    # Halfway from 2 to 1, and so halfway from 10 to 1000, in their logarithms.
    assert read["gc_at_loss"] == pytest.approx(100.0)
    assert (read["gc_at_best"], read["best_step"]) == (10.0, 8)
    assert read["best_val_accuracy"] == 0.7


@pytest.mark.parametrize("loss", [0.5, 3.0], ids=["never", "from the start"])
def test_a_loss_that_is_not_crossed_has_no_gc(loss):
    assert math.isnan(alignment.aligned(CURVE, loss)["gc_at_loss"])


def test_a_run_that_diverged_has_no_gc():
    lost = {"step": 32, "loss": math.nan, "gc": math.nan, "val_accuracy": 0.1}
    read = alignment.aligned([*CURVE[:2], lost], equal_loss=1.5)
    assert math.isnan(read["gc_at_step"]) and math.isnan(read["gc_at_loss"])
    assert read["gc_at_best"] == 10.0


@pytest.mark.parametrize("scale", SCALES)
def test_all_runs_make_the_same_number_of_steps(scale):
    usual = alignment.EXPERIMENT.recipe(scale, "cifar10")
    recipes = [
        dataclasses.replace(usual, **setting)
        for setting in alignment.EXPERIMENT.settings[scale]
    ]
    steps = {r.num_train / r.batch_size * r.epochs for r in recipes}
    assert len(recipes) > 3 and len(steps) == 1 and steps.pop().is_integer()


@pytest.mark.parametrize("knob", alignment.KNOBS)
def test_all_knobs_leave_from_the_common_setting(knob):
    common, *others = alignment.EXPERIMENT.settings["small"]
    usual = alignment.EXPERIMENT.recipe("small", "cifar10")
    assert common[knob] == getattr(usual, knob)
    values = [setting[knob] for setting in others if knob in setting]
    assert len(values) == 2 and common[knob] not in values
