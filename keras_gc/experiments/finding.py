"""What the runs say of one part of a claim."""

import dataclasses

REPRODUCED = "reproduced"
NOT_REPRODUCED = "not reproduced"
NOT_DECIDED = "not decided"


@dataclasses.dataclass(frozen=True)
class Finding:
    """The outcome of one part of a claim, with its evidence.

    Args:
        part: str, the part of the claim, in words.
        outcome: str, "reproduced", "not reproduced" or "not decided".
        evidence: str, the figures behind the outcome, in words.
        rho: float, Spearman's rank correlation, where the part is a trend.
            Defaults to None.
        p_value: float, its two-sided permutation p-value. Defaults to None.
        num_runs: int, how many runs took part. Defaults to 0.
        monotone: dict, for each seed the share of neighbouring settings between
            which the quantity moves in the claimed direction. Defaults to
            empty.
    """

    part: str
    outcome: str
    evidence: str
    rho: float | None = None
    p_value: float | None = None
    num_runs: int = 0
    monotone: dict[int, float] = dataclasses.field(default_factory=dict)


def judge_condition(part: str, holds: bool | None, evidence: str) -> Finding:
    """Turn a yes-or-no condition into a finding.

    Args:
        part: str, the part of the claim, in words.
        holds: bool, whether the runs fulfil it; `None` if they cannot tell.
        evidence: str, the figures behind it, in words.

    Returns:
        A `Finding`.
    """
    outcomes = {True: REPRODUCED, False: NOT_REPRODUCED, None: NOT_DECIDED}
    return Finding(part, outcomes[holds], evidence)
