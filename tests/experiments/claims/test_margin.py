from keras_gc import experiments
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
