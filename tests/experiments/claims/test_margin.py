import numpy as np
import pytest

from keras_gc import experiments
from keras_gc.experiments.claims.margin import growth, margins
from keras_gc.experiments.finding import NOT_DECIDED, REPRODUCED


def verdict(last):
    """Excess risk and GC / margin² rise together, but for the last run."""
    results = [*((risk / 10, 1.0 + risk) for risk in range(12)), last]
    rows = [
        {
            "setting": {"wrong_labels": 0.0},
            "seed": seed,
            "result": {
                "excess_risk": risk,
                "margin_gc": gc,
                "gc": 1.0,
                "curve": [],
                "test_accuracy": 0.5,
            },
        }
        for seed, (risk, gc) in enumerate(results)
    ]
    return experiments.get("margin").verdict(rows)


def test_a_run_without_a_margin_leaves_the_claim_undecided():
    """Its GC / margin² is infinite: to leave it out would flatter the rest."""
    assert verdict((1.2, 20.0)).outcome == REPRODUCED
    undecided = verdict((0.0, None))
    assert undecided.outcome == NOT_DECIDED
    assert "1 of 13 runs" in undecided.findings[-1].evidence


def test_a_margin_is_positive_where_the_label_is_found():
    logits = np.array([[3.0, 1.0, 0.0], [3.0, 1.0, 0.0], [0.0, 2.0, 2.5]])
    found = margins(logits, np.array([0, 1, 2]))
    assert found.tolist() == [2.0, -2.0, 0.5]


def point(loss, gc, quotient):
    return {"loss": loss, "gc_train": gc, "margin_gc": quotient}


START = point(2.3, 0.1, None)


def test_growth_counts_from_where_the_loss_has_halved():
    curve = [START, point(1.3, 1.0, 100.0), point(1.0, 2.0, 8.0)]
    assert growth(curve) is None
    gc, quotient = growth([*curve, point(0.1, 8.0, 4.0)])
    assert np.exp([gc, quotient]) == pytest.approx([4.0, 0.5])


@pytest.mark.parametrize(
    "end, outcome",
    [((9.0, 5.0), "reproduced"), ((9.0, 40.0), "not reproduced"),
     ((9.0, 0.5), "not reproduced"), ((1.2, 5.0), "not decided")],
    ids=["level", "rises", "falls", "GC does not grow"],
)  # fmt: skip
def test_level_is_little_change_while_gc_grows(end, outcome):
    curve = [START, point(1.0, 1.0, 5.0), point(0.1, *end)]
    result = {"curve": curve, "margin_gc": end[1]}
    rows = [{"setting": {"wrong_labels": 0.0}, "seed": 0, "result": result}]
    (finding,) = experiments.get("margin").judge(rows)
    assert finding.outcome == outcome
