import itertools

import numpy as np
import pytest
import scipy.stats

from keras_gc.experiments.finding import (
    NOT_DECIDED,
    NOT_REPRODUCED,
    REPRODUCED,
    judge_condition,
)
from keras_gc.experiments.rank_correlation import p_phrase, spearman
from keras_gc.experiments.trend import (
    Trend,
    judge_trend,
    monotone_fractions,
    trend_outcome,
)
from keras_gc.experiments.verdict import decide

FALLS = Trend("learning_rate", "gc", -1)


def rows(gc_of_rate, seeds=3, **result):
    return [
        {
            "setting": {"learning_rate": rate},
            "seed": seed,
            "result": {"gc": gc_of_rate(rate, seed), "test_accuracy": 0.9}
            | result,
        }
        for rate in (0.01, 0.02, 0.05, 0.1, 0.2)
        for seed in range(seeds)
    ]


def test_rho_is_scipys_and_p_counts_every_reshuffling():
    x, y = [1.0, 1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 5.0, 3.0, 9.0]
    rho, p_value = spearman(x, y)
    assert rho == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    shuffled = np.array([
        scipy.stats.spearmanr(order, y).statistic
        for order in itertools.permutations(x)
    ])
    tails = [(shuffled >= rho - 1e-9).mean(), (shuffled <= rho + 1e-9).mean()]
    assert p_value == pytest.approx(2 * min(tails))


def test_a_p_value_at_the_floor_promises_no_more_than_the_floor():
    rho, p_value = spearman(range(20), range(20))
    assert (rho, p_value) == (pytest.approx(1), pytest.approx(0.0002))
    assert p_phrase(p_value) == "p <= 0.0002"
    assert p_phrase(0.00021, 2) == "p = 0.00021"
    finding = judge_trend(FALLS, rows(lambda r, s: -r))
    assert ", p <= 0.0002, n = 15" in finding.evidence


def test_three_runs_in_a_row_are_not_significant():
    # The t approximation says p = 0 here.
    assert spearman([1, 2, 3], [3, 2, 1]) == pytest.approx((-1.0, 1 / 3))


def test_a_constant_quantity_has_no_trend():
    rho, p_value = spearman([1, 2, 3], [5, 5, 5])
    assert np.isnan(rho) and p_value == 1.0


def test_only_runs_that_know_of_the_quantity_take_part():
    others = [
        {"setting": {"l2": strength}, "seed": 0, "result": {"gc": 1.0}}
        for strength in (0.1, 0.2)
    ]
    finding = judge_trend(FALLS, rows(lambda r, s: -r) + others)
    assert finding.num_runs == 15
    assert "left out" not in finding.evidence


def test_a_clear_fall_is_reproduced_and_a_clear_rise_is_not():
    assert judge_trend(FALLS, rows(lambda r, s: -r)).outcome == REPRODUCED
    assert judge_trend(FALLS, rows(lambda r, s: r)).outcome == NOT_REPRODUCED


def test_no_trend_is_not_reproduced_only_with_enough_runs():
    def zigzag(rate, seed):
        return (rate * 1000) % 3 + seed

    assert judge_trend(FALLS, rows(zigzag)).outcome == NOT_REPRODUCED
    assert judge_trend(FALLS, rows(zigzag, seeds=1)).outcome == NOT_DECIDED


@pytest.mark.parametrize(
    "rho, p_value, num_runs, outcome",
    [
        (-0.6, 0.01, 15, REPRODUCED),
        (-0.9, 0.06, 6, NOT_DECIDED),
        (-0.5, 0.01, 15, NOT_DECIDED),
        (-0.1, 0.60, 15, NOT_REPRODUCED),
        (-0.1, 0.60, 6, NOT_DECIDED),
        (0.1, 0.60, 15, NOT_REPRODUCED),
        (0.3, 0.30, 15, NOT_DECIDED),
        (0.3, 0.04, 60, NOT_REPRODUCED),
        (float("nan"), 1.0, 15, NOT_DECIDED),
    ],
)
def test_thresholds_for_a_claimed_fall(rho, p_value, num_runs, outcome):
    assert trend_outcome(-1, rho, p_value, num_runs) == outcome


def test_runs_without_finite_values_are_left_out_and_said():
    runs = rows(lambda r, s: None if r == 0.2 else -r)
    finding = judge_trend(FALLS, runs)
    assert finding.num_runs == 12 and finding.outcome == REPRODUCED
    assert "; 3 without finite values, left out" in finding.evidence


def spoil(runs, **result):
    """Give a result to the runs at the largest learning rate."""
    for run in runs:
        if run["setting"]["learning_rate"] == 0.2:
            run["result"] |= result
    return runs


FAULTS = {
    "learned nothing": (
        {"train_accuracy": 1.0, "chance_accuracy": 0.11},
        {"train_accuracy": 0.15, "gc": -1.0},  # errs 0.955 times as often
    ),
    "did not reach the common": (
        {"reached_loss": True},
        {"reached_loss": False, "gc": -1.0},
    ),
}
each_fault = pytest.mark.parametrize("fault", FAULTS)


@each_fault
def test_a_verdict_must_stand_without_runs_that_tell_nothing(fault):
    sound, spoiled = FAULTS[fault]

    # GC falls at 0.1 and at 0.2 only, where the runs are spoiled.
    runs = spoil(
        rows(lambda r, s: -r if r > 0.05 else r / 1000 - s, **sound), **spoiled
    )
    finding = judge_trend(FALLS, runs)
    assert finding.num_runs == 15
    assert f"; 3 {fault}" in finding.evidence
    assert finding.outcome == NOT_DECIDED
    falls = spoil(rows(lambda r, s: -r, **sound), **spoiled)
    assert judge_trend(FALLS, falls).outcome == REPRODUCED
    assert judge_trend(FALLS, falls).evidence.endswith(
        "without these rho = -1.00"
    )


def test_a_run_that_errs_less_than_a_guess_has_learned_something():
    runs = rows(lambda r, s: -r, train_accuracy=0.16, chance_accuracy=0.11)
    assert "nothing" not in judge_trend(FALLS, runs).evidence


def test_when_every_run_learned_nothing_there_is_no_verdict():
    runs = rows(lambda r, s: -r, train_accuracy=0.1, chance_accuracy=0.1)
    finding = judge_trend(FALLS, runs)
    assert finding.outcome == NOT_DECIDED
    assert "15 learned nothing" in finding.evidence
    assert finding.evidence.endswith("without these rho is undefined")


def test_a_series_is_judged_alone():
    runs = [
        {
            "setting": {"series": series, "learning_rate": rate},
            "seed": seed,
            "result": {"gc": sign * rate},
        }
        for series, sign in [("down", -1), ("up", 1)]
        for rate in (1, 2, 3)
        for seed in range(2)
    ]
    down = Trend("learning_rate", "gc", -1, series="down")
    finding = judge_trend(down, runs)
    assert finding.rho == pytest.approx(-1) and finding.num_runs == 6


def test_monotone_fraction_of_each_seed():
    gc = {0: [5, 4, 3, 2, 1], 1: [5, 4, 6, 2, 3], 2: [1, 2, 3, 4, 5]}
    rates = [0.01, 0.02, 0.05, 0.1, 0.2]
    runs = rows(lambda rate, seed: gc[seed][rates.index(rate)])
    assert monotone_fractions(FALLS, runs) == {0: 1.0, 1: 0.5, 2: 0.0}


@pytest.mark.parametrize(
    "parts, outcome",
    [
        ([True, True], REPRODUCED),
        ([True, False], NOT_REPRODUCED),
        ([True, None], NOT_DECIDED),
        ([False, None], NOT_REPRODUCED),
    ],
    ids=["all", "one refuted", "one open", "refuted and open"],
)
def test_a_claim_is_as_good_as_its_weakest_part(parts, outcome):
    findings = [
        judge_trend(FALLS, [])
        if part is None
        else judge_condition("part", part, "seen")
        for part in parts
    ]
    assert decide("name", "claim", findings, []).outcome == outcome


def test_the_verdict_shows_accuracy_beside_gc():
    runs = rows(lambda r, s: -r - s / 1000)
    verdict = decide(
        "learning_rate", "It falls.", [judge_trend(FALLS, runs)], runs
    )
    assert verdict.table[0] == {
        "learning_rate": 0.01,
        "gc": pytest.approx(-0.011),
        "test_accuracy": pytest.approx(0.9),
    }
    assert str(verdict).startswith("reproduced. It falls.")
    assert "learning rate 0.01, GC -0.011, test accuracy 0.9" in str(verdict)
