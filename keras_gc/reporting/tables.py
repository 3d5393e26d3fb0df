"""Reports as DataFrames."""

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np

from keras_gc import _validation
from keras_gc.reporting.facts import Facts

if TYPE_CHECKING:
    import pandas


def to_pandas(facts: Facts, table: str) -> "pandas.DataFrame":
    """Return one part of a report as a DataFrame.

    Args:
        facts: of a report.
        table: which part.

    Returns:
        A `pandas.DataFrame`.
    """
    import pandas

    _validation.one_of("table", table, _TABLES)
    return pandas.DataFrame(_TABLES[table](facts))


def summary_row(facts: Facts) -> dict:
    """Return the numbers that one row holds, by name.

    Args:
        facts: of a report.

    Returns:
        Dict.
    """
    groups = {g.name: g.gc.value for g in facts.groups if g.kind != "class"}
    embedding = facts.embedding_gc
    return {
        "model": facts.model_name,
        "num_weights": facts.num_weights,
        "gc": facts.gc.value,
        "standard_error": facts.gc.standard_error,
        "num_examples": facts.gc.num_examples,
        "estimator": facts.estimator,
        "gc_per_deviation": facts.gc_per_deviation,
        "accuracy": facts.accuracy,
        "mean_squared_error": facts.mean_squared_error,
        "gc_right": groups.get("right"),
        "gc_wrong": groups.get("wrong"),
        "embedding_gc": None if embedding is None else embedding.value,
        "margin_normalized_gc": facts.margin_normalized_gc,
        "lipschitz_lower_bound": facts.lipschitz_lower_bound,
        "spectral_bound": facts.spectral_bound,
        "warnings": len(facts.warnings),
    }


def _examples(facts):
    columns = {"index": facts.indices, "norm": facts.norms}
    if facts.labels:
        columns["label"] = facts.labels
    if facts.predictions:
        columns["prediction"] = facts.predictions
    return columns


def _groups(facts):
    return [
        {
            "kind": group.kind,
            "name": group.name,
            "gc": group.gc.value,
            "standard_error": group.gc.standard_error,
            "num_examples": group.gc.num_examples,
            "accuracy": group.accuracy,
        }
        for group in facts.groups
    ]


def _layers(facts):
    return [
        dataclasses.asdict(layer)
        | {"gc": layer.gc.value, "standard_error": layer.gc.standard_error}
        for layer in facts.layers
    ]


def _inputs(facts):
    return [
        {
            "input": one.name,
            "entry": one.columns[place[0]] if one.columns else place,
            "mean_squared_derivative": float(one.squares[place]),
            "deviation": float(one.deviations[place]),
        }
        for one in facts.inputs
        for place in itertools.product(*map(range, np.shape(one.squares)))
    ]


_TABLES = {
    "summary": lambda facts: [summary_row(facts)],
    "examples": _examples,
    "groups": _groups,
    "layers": _layers,
    "inputs": _inputs,
}
