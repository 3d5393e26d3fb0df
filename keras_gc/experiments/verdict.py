"""From the findings on the parts of a claim to one verdict."""

import dataclasses
from typing import Any

from keras_gc.experiments.finding import (
    NOT_DECIDED,
    NOT_REPRODUCED,
    REPRODUCED,
    Finding,
)
from keras_gc.experiments.quantities import phrase
from keras_gc.experiments.rows import by_setting, mean

# At scale smoke: whether everything runs, on too little to believe.
NO_EVIDENCE = "no evidence"
SMOKE = (
    "No verdict: scale smoke shows that the experiment runs, and is no "
    "evidence. Use --scale small."
)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The answer of one experiment.

    Args:
        experiment: str, name of the experiment.
        claim: str, what was to be reproduced.
        outcome: str, "reproduced" if every part of the claim was; "not
            reproduced" if any part was refuted; else "not decided". "no
            evidence" at scale smoke.
        findings: list, one `Finding` for each part; none at scale smoke.
        table: list of dicts, for each setting the means over seeds of GC and of
            accuracy.
    """

    experiment: str
    claim: str
    outcome: str
    findings: list[Finding]
    table: list[dict[str, Any]]

    def __str__(self) -> str:
        is_smoke = self.outcome == NO_EVIDENCE
        lines = [f"{SMOKE if is_smoke else f'{self.outcome}.'} {self.claim}"]
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
        experiment: str, name of the experiment.
        claim: str, what was to be reproduced.
        findings: list, one for each part of the claim; none where the runs are
            no evidence.
        rows: list of dicts, the runs.

    Returns:
        A `Verdict`.
    """
    outcomes = {finding.outcome for finding in findings}
    if not outcomes:
        outcome = NO_EVIDENCE
    elif NOT_REPRODUCED in outcomes:
        outcome = NOT_REPRODUCED
    elif outcomes == {REPRODUCED}:
        outcome = REPRODUCED
    else:
        outcome = NOT_DECIDED
    return Verdict(experiment, claim, outcome, findings, _table(rows))


def _table(rows: list[dict]) -> list[dict]:
    """Return the mean GC and accuracy of each setting."""
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
    return f"{phrase(name)} {entry:.4g}"
