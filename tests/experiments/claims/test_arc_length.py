import numpy as np
import pytest

from keras_gc import experiments
from keras_gc.experiments.claims.arc_length import _run, arc_length
from keras_gc.experiments.claims.interpolation import GRID, Recipe


def test_arc_length_of_a_line_and_of_half_a_circle():
    assert arc_length(3 * GRID) == pytest.approx(2 * np.sqrt(10))
    circle = np.sqrt(1 - GRID**2)
    # The polygon cuts corners where the circle is steep.
    assert arc_length(circle) == pytest.approx(np.pi, rel=1e-3)


def curve(pairs):
    points = [{"gc": gc, "arc_length": length} for gc, length in pairs]
    return [{"setting": {}, "seed": 0, "result": {"curve": points}}]


@pytest.mark.parametrize(
    "pairs, outcomes",
    [
        ([(0, 2.0), (1, 2.5), (4, 3.0)], ["reproduced", "reproduced"]),
        ([(0, 2.0), (1, 2.5), (4, 2.2)], ["not reproduced", "reproduced"]),
        ([(0, 2.0), (1, 2.5), (4, 5.0)], ["reproduced", "not reproduced"]),
    ],
    ids=["both", "does not follow", "above the bound"],
)
def test_gc_must_follow_and_bound_the_arc_length(pairs, outcomes):
    findings = experiments.get("arc_length").judge(curve(pairs))
    assert [finding.outcome for finding in findings] == outcomes


def test_a_run_measures_both_along_training():
    result = _run(Recipe(width=20, depth=1, snapshots=(0, 10, 20)), 0, "none")
    points = result["curve"]
    assert [point["step"] for point in points] == [0, 1, 2, 5, 10, 20]
    for point in points:
        assert 2 <= point["arc_length"] <= 2.02 * np.sqrt(1 + point["gc"])
    assert result["arc_length"] == points[-1]["arc_length"]
