"""The tables that README and the documentation show, from the result files."""

import collections
import json
import statistics
from pathlib import Path

from keras_gc.experiments import NAMES
from keras_gc.experiments.finding import REPRODUCED
from keras_gc.experiments.summary import summary

RESULTS = Path(__file__).parents[1] / "notebooks" / "results"

_COST_OF = {
    "watched by default": "`gc` watched, as by default",
    "metric": "`gc` of every batch, watched (`gc_fraction=1`)",
    "one probe": "`gc_weight`, one probe per example",
    "one sampled output": '`gc_weight`, `"sampled_outputs"`',
    "finite difference": '`gc_weight`, `"finite_difference"`',
    "exact": '`gc_weight`, `"exact_reverse"` (10 outputs)',
    "one probe by hand": "one probe per example, written by hand",
    "exact by hand": "the Jacobian (10 outputs), written by hand",
    "SAM": "`heuristics.SAM`",
    "GradientPenalty": "`heuristics.GradientPenalty`",
    "InputNoise": "`heuristics.InputNoise`",
    "LabelNoise": "`heuristics.LabelNoise`",
    "WeightNoise": "`heuristics.WeightNoise`",
    "SpectralNorm": "`regularizers.SpectralNorm`",
}
_HEURISTIC = {
    "l2": "keras `L2`",
    "spectral_norm": "`SpectralNorm`",
    "sam_rho": "`SAM`",
    "gradient_penalty": "`GradientPenalty`",
    "input_noise": "`InputNoise`",
    "label_noise": "`LabelNoise`",
    "weight_noise": "`WeightNoise`",
    "gc_weight": "`gc_weight`",
}


def costs():
    """Step costs in units of the plain step: `keras-gc bench`, with `--jit`."""
    ratio = {
        (row["path"], (row["network"], row["jit_compile"])): row["ratio"]
        for row in _rows(RESULTS / "bench.jsonl")
    }
    columns = [(n, jit) for jit in (False, True) for n in ("mlp", "cnn")]

    def shown(*key):
        return f"{ratio[key]:.2f}" if key in ratio else ""

    return _table(
        ["train step with", "MLP", "CNN", "MLP, XLA", "CNN, XLA"],
        [
            [name, *(shown(path, column) for column in columns)]
            for path, name in _COST_OF.items()
            if any((path, column) in ratio for column in columns)
        ],
    )


def regularizers():
    """Each heuristic at its strengths: `keras-gc reproduce regularizers`."""
    results = collections.defaultdict(list)
    for row in _rows(RESULTS / "mnist" / "regularizers" / "rows.jsonl"):
        series = row["setting"]["series"]
        strength = row["setting"].get(series, 0)
        results[series, strength].append(row["result"])

    def medians(series, name, form):
        return ", ".join(
            form(statistics.median(run[name] for run in runs))
            for (of, _), runs in results.items()
            if of == series
        )

    lines = []
    for series in dict.fromkeys(series for series, _ in results):
        strengths = ", ".join(f"{s:g}" for of, s in results if of == series)
        lines.append([
            _HEURISTIC.get(series, "none"),
            strengths if series in _HEURISTIC else "",
            medians(series, "test_accuracy", "{:.3f}".format),
            medians(series, "gc", "{:.3g}".format),
            medians(series, "spectral_bound", _two_digits),
        ])
    return _table(
        ["heuristic", "strengths", "test accuracy", "GC", "spectral bound"],
        lines,
    )


def claims():
    """One row a claim: its verdict on each data set, and what came out."""
    claim_of, outcomes = {}, {}
    for file in RESULTS.rglob("verdict.json"):
        verdict = json.loads(file.read_text("utf-8"))
        config = json.loads(file.with_name("config.json").read_text("utf-8"))
        name = config["experiment"]
        claim_of[name] = verdict["claim"].rstrip(".")
        outcomes[name, config["dataset"]] = _in_short(verdict)
    datasets = {None: "made-up data", "mnist": "MNIST", "cifar10": "CIFAR-10"}
    datasets |= {data: data for _, data in outcomes if data not in datasets}
    return _table(
        ["`keras-gc reproduce`", "claim", "outcome, by data"],
        [
            [
                f"`{name}`",
                claim_of[name],
                "; ".join(
                    f"{shown}: {outcomes[name, data]}"
                    for data, shown in datasets.items()
                    if (name, data) in outcomes
                ),
            ]
            for name in sorted(claim_of, key=NAMES.index)
        ],
    )


def verdicts():
    """Every finding of every claim: `keras-gc summary notebooks/results`."""
    return summary(RESULTS)


TABLES = {
    table.__name__: table for table in (costs, regularizers, claims, verdicts)
}


def _in_short(verdict):
    outcomes = [finding["outcome"] for finding in verdict["findings"]]
    if len(set(outcomes)) == 1:
        return verdict["outcome"]
    count = outcomes.count(REPRODUCED)
    return f"{verdict['outcome']} (but {count} of {len(outcomes)} parts)"


def _two_digits(value):
    return f"{float(f'{value:.2g}'):g}"


def _rows(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
