"""From rows to a verdict: which thresholds decide, and what they decided.

A claim about a trend is tested with Spearman's rank correlation over all
runs. Its p-value is SciPy's, from a permutation test: twice the share of
reshuffled runs whose rank correlation lies at least as far out on the side
that is rarer; all reshufflings of up to seven runs, 9,999 random ones beyond.
(The usual t approximation is meant for hundreds of runs; it calls three runs
in a row certain.)
"""

import collections
import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

from keras_gc.experiments.quantities import words
from keras_gc.experiments.rows import by_setting, mean, value

# What decides on a trend. It is copied into each config.json, and with it what
# else an experiment decides by (`Experiment.thresholds`).
THRESHOLDS = {
    "significance": 0.05,  # p below it: the trend is not chance
    "strong": 0.6,  # |rho| from here on: the trend is clear
    "weak": 0.2,  # |rho| below it, in enough runs: there is no trend
    "enough_runs": 12,
    # Where a constant guess errs once, a run that errs so often or more has
    # learned nothing. A verdict must stand without such runs.
    "near_chance": 0.95,
}

REPRODUCED = "reproduced"
NOT_REPRODUCED = "not reproduced"
NOT_DECIDED = "not decided"

NOT_FINITE = "without finite values, left out"


@dataclasses.dataclass(frozen=True)
class Trend:
    """The claim that one quantity rises or falls with another.

    Args:
        x: What is varied, or a measured quantity: a key of the setting or of
            the result.
        y: What answers.
        sign: +1 if `y` is claimed to rise with `x`, -1 if to fall.
        series: Only runs whose setting has this `series`; `None` for all
            that know of `x`.
    """

    x: str
    y: str
    sign: int
    series: str | None = None

    def __str__(self) -> str:
        verb = "rises" if self.sign > 0 else "falls"
        where = f" ({self.series})" if self.series else ""
        return f"{words(self.y)} {verb} with {words(self.x)}{where}"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What the rows say of one part of a claim.

    Args:
        part: The part of the claim, in words.
        outcome: "reproduced", "not reproduced" or "not decided".
        evidence: The figures behind the outcome, in words.
        rho: Spearman's rank correlation, where the part is a trend.
        p_value: Its two-sided permutation p-value.
        num_runs: How many runs took part.
        monotone: For each seed the share of neighbouring settings between
            which the quantity moves in the claimed direction.
    """

    part: str
    outcome: str
    evidence: str
    rho: float | None = None
    p_value: float | None = None
    num_runs: int = 0
    monotone: dict[int, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The answer of one experiment.

    Args:
        experiment: Name of the experiment.
        claim: What was to be reproduced.
        outcome: "reproduced" if every part of the claim was; "not
            reproduced" if any part was refuted; else "not decided".
        findings: One `Finding` for each part.
        table: For each setting the means over seeds of GC and of accuracy.
    """

    experiment: str
    claim: str
    outcome: str
    findings: list[Finding]
    table: list[dict[str, Any]]

    def __str__(self) -> str:
        lines = [f"{self.outcome}. {self.claim}"]
        for finding in self.findings:
            lines.append(
                f"  {finding.part}: {finding.outcome} ({finding.evidence})"
            )
        for entry in self.table:
            shown = filter(None, map(_entry, entry.items()))
            lines.append("    " + ", ".join(shown))
        return "\n".join(lines)

    def to_dict(self) -> dict:
        """Return plain JSON values.

        Returns:
            A dict with one entry for each attribute.
        """
        return dataclasses.asdict(self)


def decide(
    experiment: str, claim: str, findings: list[Finding], rows: list[dict]
) -> Verdict:
    """Join the findings on the parts of a claim into one verdict.

    Args:
        experiment: Name of the experiment.
        claim: What was to be reproduced.
        findings: One for each part of the claim.
        rows: The runs.

    Returns:
        A `Verdict`.
    """
    outcomes = {finding.outcome for finding in findings}
    if NOT_REPRODUCED in outcomes:
        outcome = NOT_REPRODUCED
    elif outcomes == {REPRODUCED}:
        outcome = REPRODUCED
    else:
        outcome = NOT_DECIDED
    return Verdict(experiment, claim, outcome, findings, _table(rows))


def judge_trend(trend: Trend, rows: list[dict]) -> Finding:
    """Test one trend.

    Args:
        trend: The claim.
        rows: The runs. A run without a finite value (its training diverged,
            as a rule) is left out. A run that learned nothing, or did not
            reach the training loss at which all should be compared, takes
            part; yet where the outcome is another without such runs, it is
            "not decided". The evidence counts each kind.

    Returns:
        A `Finding`.
    """
    rows = [row for row in rows if _takes_part(trend, row)]
    finite = [row for row in rows if None not in _point(trend, row)]
    sound = [row for row in finite if not _faults(row)]
    rho, p_value = _correlation(trend, finite)
    sound_rho, sound_p = _correlation(trend, sound)
    outcomes = {
        trend_outcome(trend.sign, rho, p_value, len(finite)),
        trend_outcome(trend.sign, sound_rho, sound_p, len(sound)),
    }
    monotone = monotone_fractions(trend, finite)
    evidence = f"{_signed(rho)}, p = {p_value:.2g}, n = {len(finite)}"
    if monotone:
        share = sum(monotone.values()) / len(monotone)
        evidence += f", {share:.0%} of the steps in the claimed direction"
    faults = collections.Counter({NOT_FINITE: len(rows) - len(finite)})
    faults.update(itertools.chain(*map(_faults, finite)))
    evidence += "".join(
        f"; {count} {fault}" for fault, count in faults.items() if count
    )
    if len(sound) < len(finite):
        evidence += f"; without these {_signed(sound_rho)}"
    return Finding(
        part=str(trend),
        outcome=outcomes.pop() if len(outcomes) == 1 else NOT_DECIDED,
        evidence=evidence,
        rho=None if math.isnan(rho) else rho,
        p_value=p_value,
        num_runs=len(finite),
        monotone=monotone,
    )


def judge_condition(part: str, holds: bool | None, evidence: str) -> Finding:
    """Turn a yes-or-no condition into a finding.

    Args:
        part: The part of the claim, in words.
        holds: Whether the runs fulfil it; `None` if they cannot tell.
        evidence: The figures behind it, in words.

    Returns:
        A `Finding`.
    """
    outcomes = {True: REPRODUCED, False: NOT_REPRODUCED, None: NOT_DECIDED}
    return Finding(part, outcomes[holds], evidence)


def trend_outcome(sign: int, rho: float, p_value: float, num_runs: int) -> str:
    """Apply the thresholds to a rank correlation.

    Args:
        sign: The claimed sign, +1 or -1.
        rho: Spearman's rank correlation.
        p_value: Its p-value.
        num_runs: How many runs it rests on.

    Returns:
        "reproduced", "not reproduced" or "not decided".
    """
    significant = p_value < THRESHOLDS["significance"]
    if significant and sign * rho >= THRESHOLDS["strong"]:
        return REPRODUCED
    if significant and sign * rho < 0:
        return NOT_REPRODUCED
    enough = num_runs >= THRESHOLDS["enough_runs"]
    if enough and abs(rho) < THRESHOLDS["weak"]:
        return NOT_REPRODUCED
    return NOT_DECIDED


def spearman(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Return Spearman's rank correlation and its permutation p-value.

    Args:
        x: One value for each run.
        y: One value for each run.

    Returns:
        `(rho, p_value)`; `(nan, 1.0)` where `x` or `y` does not vary.
    """
    import numpy as np
    import scipy.stats

    if len(set(x)) < 2 or len(set(y)) < 2:
        return math.nan, 1.0
    x, y = scipy.stats.zscore(
        [
            scipy.stats.rankdata(x),
            scipy.stats.rankdata(y),
        ],
        axis=-1,
    )
    test = scipy.stats.permutation_test(
        (x,),
        lambda x, axis=-1: np.mean(x * y, axis=axis),
        permutation_type="pairings",
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(test.statistic), float(test.pvalue)


def monotone_fractions(trend: Trend, rows: list[dict]) -> dict[int, float]:
    """Return how steadily each seed follows a trend.

    Args:
        trend: The claim.
        rows: The runs.

    Returns:
        For each seed the share of neighbouring settings, ordered by `x`,
        between which `y` moves in the claimed direction.
    """
    fractions = {}
    for seed in sorted({row["seed"] for row in rows}):
        points = sorted(
            _point(trend, row) for row in rows if row["seed"] == seed
        )
        steps = [
            trend.sign * (after - before) > 0
            for (_, before), (_, after) in itertools.pairwise(points)
        ]
        if steps:
            fractions[seed] = sum(steps) / len(steps)
    return fractions


def _correlation(trend: Trend, rows: list[dict]) -> tuple[float, float]:
    x = [value(row, trend.x) for row in rows]
    y = [value(row, trend.y) for row in rows]
    return spearman(x, y)


def _signed(rho: float) -> str:
    return "rho is undefined" if math.isnan(rho) else f"rho = {rho:+.2f}"


def _faults(row: dict) -> list[str]:
    """Why a run may not tell what its setting does to GC."""
    # What has learned nothing, or less than the others, may have a low GC for
    # that alone.
    faults = []
    if row["result"].get("reached_loss") is False:
        faults.append("did not reach the common training loss")
    chance = row["result"].get("chance_accuracy")
    if chance is not None:
        error = 1 - row["result"]["train_accuracy"]
        if error >= THRESHOLDS["near_chance"] * (1 - chance):
            faults.append("learned nothing (as good as a constant guess)")
    return faults


def _takes_part(trend: Trend, row: dict) -> bool:
    is_known = trend.x in row["result"] | row["setting"]
    return is_known and trend.series in {None, value(row, "series")}


def _point(trend: Trend, row: dict) -> tuple:
    return value(row, trend.x), value(row, trend.y)


def _table(rows: list[dict]) -> list[dict]:
    """Mean GC and accuracy of each setting."""
    return [
        setting | {name: mean(runs, name) for name in ("gc", "test_accuracy")}
        for setting, runs in by_setting(rows)
    ]


def _entry(item: tuple[str, Any]) -> str:
    name, entry = item
    if name == "series":
        return entry
    if not isinstance(entry, float | int):
        return ""
    return f"{words(name)} {entry:.4g}"
