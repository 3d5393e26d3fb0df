import pytest

from keras_gc import experiments
from keras_gc.experiments.verdict import NOT_REPRODUCED, REPRODUCED


@pytest.mark.parametrize(
    "violations, outcome", [(0, REPRODUCED), (1, NOT_REPRODUCED)]
)
def test_one_violation_refutes_the_theorem(violations, outcome):
    point = {"jacobian_side": 1.0, "parameter_side": 2.0, "examples": 50}
    curve = [point | {"violations": 0}, point | {"violations": violations}]
    rows = [{"setting": {"depth": 1}, "seed": 0, "result": {"curve": curve}}]
    (finding,) = experiments.get("transfer_theorem").judge(rows)
    assert finding.outcome == outcome
    assert f"{violations} violations in 100 checks" in finding.evidence
