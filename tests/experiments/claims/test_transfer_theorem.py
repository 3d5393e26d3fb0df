import numpy as np
import pytest

from keras_gc import experiments, theory
from keras_gc.experiments.claims.transfer_theorem import _observe
from keras_gc.experiments.finding import (
    NOT_DECIDED,
    NOT_REPRODUCED,
    REPRODUCED,
)
from keras_gc.theory.transfer_bound import TransferBound


@pytest.mark.parametrize(
    "violations, not_finite, outcome",
    [
        (0, 0, REPRODUCED),
        (1, 0, NOT_REPRODUCED),
        (0, 1, NOT_DECIDED),
        (1, 1, NOT_REPRODUCED),
    ],
)
def test_one_violation_refutes_the_theorem(violations, not_finite, outcome):
    point = {"tightest": 0.5, "examples": 50, "not_finite": 0}
    curve = [
        point | {"violations": 0},
        point | {"violations": violations, "not_finite": not_finite},
    ]
    rows = [{"setting": {"depth": 1}, "seed": 0, "result": {"curve": curve}}]
    (finding,) = experiments.get("transfer_theorem").judge(rows)
    assert finding.outcome == outcome
    assert f"{violations} violations in 100 checks" in finding.evidence
    assert ("1 more were not finite" in finding.evidence) == (not_finite == 1)


def test_what_is_not_finite_is_neither_fulfilled_nor_violated(monkeypatch):
    bound = TransferBound(
        factors={},
        jacobian_side=np.array([1.0, np.nan, 3.0, np.inf, 0.0, 1.0]),
        parameter_side=np.array([2.0, 1.0, 2.0, np.inf, 0.0, 0.0]),
        skipped={},
    )
    monkeypatch.setattr(theory, "transfer_bound", lambda model, x: bound)
    seen = _observe(None, None)
    assert seen["examples"] == 4 and seen["not_finite"] == 2
    assert seen["violations"] == 2  # 3 > 2, and 1 > 0
    assert seen["tightest"] == 1.5
