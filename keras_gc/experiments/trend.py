"""The part of a claim that is a trend, and the thresholds that decide on it."""

import collections
import dataclasses
import itertools
import math

from keras_gc.experiments.finding import (
    NOT_DECIDED,
    NOT_REPRODUCED,
    REPRODUCED,
    Finding,
)
from keras_gc.experiments.quantities import phrase
from keras_gc.experiments.rank_correlation import p_phrase, spearman
from keras_gc.experiments.rows import value

# Copied into each config.json, with the thresholds that an experiment adds.
THRESHOLDS = {
    "significance": 0.05,  # p below it: the trend is not chance
    "strong": 0.6,  # |rho| from here on: the trend is clear
    "weak": 0.2,  # |rho| below it, in enough runs: there is no trend
    "enough_runs": 12,
    # A run has learned nothing if its training error is at least this
    # fraction of the error of always guessing the most frequent class. A
    # verdict must stand without such runs.
    "near_chance": 0.95,
}

NOT_FINITE = "without finite values, left out"


@dataclasses.dataclass(frozen=True)
class Trend:
    """The claim that one quantity rises or falls with another.

    Args:
        x: str, what is varied, or a measured quantity: a key of the setting or
            of the result.
        y: str, the quantity that responds.
        sign: int, +1 if `y` is claimed to rise with `x`, -1 if to fall.
        series: str, only runs whose setting has this `series`; `None` for all
            runs that hold `x`. Defaults to None.
    """

    x: str
    y: str
    sign: int
    series: str | None = None

    def __str__(self) -> str:
        verb = "rises" if self.sign > 0 else "falls"
        where = f" ({self.series})" if self.series else ""
        return f"{phrase(self.y)} {verb} with {phrase(self.x)}{where}"


def judge_trend(trend: Trend, rows: list[dict]) -> Finding:
    """Test one trend.

    Args:
        trend: `Trend`, the claim.
        rows: list of dicts, the runs. A run without a finite value (its
            training diverged, as a rule) is left out. A run that learned
            nothing, or did not reach the training loss at which all should be
            compared, takes part; yet where the outcome is another without such
            runs, it is "not decided". The evidence counts each kind.

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
    evidence = f"{_signed(rho)}, {p_phrase(p_value, 2)}, n = {len(finite)}"
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


def trend_outcome(sign: int, rho: float, p_value: float, num_runs: int) -> str:
    """Apply the thresholds to a rank correlation.

    Args:
        sign: int, the claimed sign, +1 or -1.
        rho: float, Spearman's rank correlation.
        p_value: float, its p-value.
        num_runs: int, how many runs it rests on.

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


def monotone_fractions(trend: Trend, rows: list[dict]) -> dict[int, float]:
    """Return how steadily each seed follows a trend.

    Args:
        trend: `Trend`, the claim.
        rows: list of dicts, the runs.

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
    """Return the reasons to doubt that a run shows what its setting does."""
    # A run that learned nothing, or less than the others, may have a low GC
    # for that reason alone.
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
