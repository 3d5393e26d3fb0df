"""Warnings in words: what to know before believing a number."""

import warnings
from collections.abc import Iterable

import numpy as np

from keras_gc.reporting.input_meter import InputMeter
from keras_gc.reporting.survey import Survey
from keras_gc.reporting.targets import Targets

# Below, "a few examples" and "more than half" mean little.
_FEWEST_EXAMPLES = 20
_RANKING_IS_NOISE = 0.9


def find_warnings(
    survey: Survey, meter: InputMeter, targets: Targets
) -> tuple[str, ...]:
    """Look for what makes the numbers of a report mean something else.

    Args:
        survey: a `Survey`.
        meter: its `InputMeter`.
        targets: its `Targets`.

    Returns:
        One or two sentences for each.
    """
    finders = (
        _not_finite, _independent, _constant, _dead_outputs, _underflow,
        _dead_inputs, _few_rule, _probabilities, _noisy_ranking,
        _chance,
    )  # fmt: skip
    found = [finder(survey, meter, targets) for finder in finders]
    return tuple(sentence for sentence in found if sentence)


def ranking_of(survey: Survey) -> float | None:
    """Return Spearman's rho between the two estimates of the norms.

    Args:
        survey: a `Survey`.

    Returns:
        A float, or None where the norms are exact.
    """
    if len(survey.estimates) == 1:
        return None
    ranks = [np.argsort(np.argsort(norms)) for norms in survey.estimates]
    if len(ranks[0]) < 2:
        return float("nan")
    first, second = ranks
    return float(np.corrcoef(first, second)[0, 1])


def _not_finite(survey, meter, targets):
    finite = np.isfinite(survey.norms) & np.isfinite(survey.outputs).all(1)
    if finite.all():
        return None
    first = int(survey.indices[~finite][0])
    return (
        f"{(~finite).sum():,} of {len(finite):,} examples have outputs or "
        f"derivatives that are NaN or infinite, the first at index {first}. "
        "No mean that they are part of means anything: look at these inputs."
    )


def _independent(survey, meter, targets):
    if survey.norms.any() or survey.underflows:
        return None
    return (
        "The outputs do not depend on the inputs: each derivative is 0 at "
        "each example. Such a network has usually died (ReLU units that are "
        "never active) or its weights are 0."
    )


def _constant(survey, meter, targets):
    constant = _constant_outputs(survey.outputs)
    if not len(constant) or not constant.all():
        return None
    return (
        f"The outputs are the same for all {len(survey.outputs):,} examples: "
        "the model guesses one thing, and a low GC is no success."
    )


def _dead_outputs(survey, meter, targets):
    constant = _constant_outputs(survey.outputs)
    if not constant.any() or constant.all():
        return None
    return (
        f"{constant.sum():,} of {len(constant):,} outputs are the same for "
        f"all examples: {_listed(np.flatnonzero(constant))}."
    )


def _constant_outputs(outputs):
    """Return for each output whether it is one number, but for rounding."""
    outputs = outputs[np.isfinite(outputs).all(1)]
    if len(outputs) < 2:
        return np.array([], dtype=bool)
    return np.ptp(outputs, axis=0) <= 1e-6 * np.abs(outputs).max()


def _underflow(survey, meter, targets):
    if survey.underflows:
        return (
            "Derivatives underflow: their squares are too small for float32 "
            "and count as 0. Scale the inputs or outputs, or use float64 "
            "(`keras.config.set_floatx('float64')`)."
        )
    zero = (survey.norms == 0).sum()
    if zero and survey.norms.any():
        return (
            f"The Jacobian is exactly 0 at {zero:,} of {len(survey.norms):,} "
            "examples: there, no small change of the input changes anything "
            "(saturated or dead units)."
        )
    return None


def _dead_inputs(survey, meter, targets):
    dead = survey.squares == 0
    if dead.all() or not dead.any():
        return None
    return (
        f"{dead.sum():,} of {len(dead):,} inputs are dead: the derivative "
        "with respect to them is 0 at each example"
        + (
            f" ({_listed(np.flatnonzero(dead))})."
            if len(dead) <= 64
            else ". The map of the inputs shows where."
        )
    )


def _few_rule(survey, meter, targets):
    norms = np.sort(survey.norms)[::-1]
    if len(norms) < _FEWEST_EXAMPLES or not norms.any():
        return None
    few = max(1, len(norms) // 100)
    share = norms[:few].sum() / norms.sum()
    if not share > 0.5:
        return None
    what = "one example makes" if few == 1 else f"{few} examples make"
    return (
        f"GC is ruled by a few: {what} up {share:.0%} of the mean over "
        f"{len(norms):,}. The median, {np.median(norms):.3g}, says more about "
        "a typical one."
    )


def _probabilities(survey, meter, targets):
    outputs = survey.outputs
    if not (outputs.min() >= 0 and outputs.max() <= 1 and np.ptp(outputs)):
        return None
    if meter.network.outputs is not None and (
        outputs.shape[1] < 2 or abs(outputs.sum(1) - 1).max() > 1e-3
    ):
        return None  # a layer may well return numbers from 0 to 1
    if targets.task == "numbers":
        return None
    return (
        "The outputs lie between 0 and 1, as probabilities do. GC is meant "
        "for logits: probabilities have derivatives near 0 wherever the model "
        "is sure. End in a `keras.layers.Activation('sigmoid')` or `Softmax` "
        "layer, which is stepped over, or name the layer before: "
        "`outputs='NAME'`."
    )


def _noisy_ranking(survey, meter, targets):
    rho = ranking_of(survey)
    if rho is None or rho > _RANKING_IS_NOISE:
        return None
    return (
        f"The examples' norms are estimates ({meter.estimator}), and two "
        f"independent ones agree by a rank correlation of {rho:.2f} only: do "
        "not read much into the order of examples."
    )


def _chance(survey, meter, targets):
    right = targets.is_right
    if right is None or len(right) < _FEWEST_EXAMPLES:
        return None
    _, counts = np.unique(targets.ids, return_counts=True)
    guess = counts.max() / len(right)
    if len(counts) < 2 or right.mean() > guess:
        return None
    return (
        f"The accuracy, {right.mean():.1%}, is no better than that of always "
        f"guessing the most frequent class ({guess:.1%}): a low GC is no "
        "success here."
    )


def _listed(numbers):
    shown = ", ".join(map(str, numbers[:8]))
    return shown + (", …" if len(numbers) > 8 else "")


def stepped_over(
    caught: Iterable[warnings.WarningMessage],
) -> tuple[list[str], list]:
    """Divide Python warnings into notes for the page and all others.

    Args:
        caught: list of `warnings.WarningMessage`.

    Returns:
        `(notes, others)`, each note once.
    """
    notes: dict[str, None] = {}
    others = []
    for warning in caught:
        text = str(warning.message)
        if "stepped over" in text:
            notes[text] = None
        else:
            others.append(warning)
    return list(notes), others
