"""What a report says, as plain data: nothing here computes or draws."""

import dataclasses
import math
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Mean:
    """A mean over examples.

    Attributes:
        value: the mean.
        standard_error: of the mean; NaN for fewer than two examples.
        num_examples: how many examples it is over.
    """

    value: float
    standard_error: float
    num_examples: int

    @classmethod
    def of(cls, values: np.ndarray) -> "Mean":
        """Return the mean of an array `(examples,)`, NaN if it is empty."""
        count = len(values)
        if count == 0:
            return cls(math.nan, math.nan, 0)
        error = np.std(values, ddof=1) / math.sqrt(count) if count > 1 else None
        return cls(
            float(np.mean(values)),
            math.nan if error is None else float(error),
            count,
        )

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return f"{self.value:.4g} ± {self.standard_error:.2g}"


@dataclasses.dataclass(frozen=True)
class Group:
    """GC over a part of the examples.

    Attributes:
        kind: what divides the examples: "class", "prediction" or "error".
        name: which part this is.
        gc: the mean over it.
        accuracy: share of right predictions in it; None where it says
            nothing.
    """

    kind: str
    name: str
    gc: Mean
    accuracy: float | None = None


@dataclasses.dataclass(frozen=True)
class Layer:
    """GC of one layer's output with respect to the inputs.

    Attributes:
        name: the layer's name.
        kind: its class.
        output_shape: of one example.
        num_weights: in it, with those of the layers inside.
        gc: of its output; of the logits for the last.
        share: of the sum of the transfer bound's factors; None where the
            theorem gives this layer none.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    num_weights: int
    gc: Mean
    share: float | None = None


@dataclasses.dataclass(frozen=True)
class InputMap:
    """Where in the inputs GC comes from.

    Attributes:
        name: of the input.
        kind: "image", "sequence" (steps first) or "table".
        squares: mean over the examples of `sum_k (df_k / dx_j)^2`, in the
            shape of one example. Over all inputs they sum up to GC.
        deviations: standard deviation of each entry over the examples, in
            the same shape: `squares * deviations**2` is free of the unit.
        columns: names of a table's columns.
    """

    name: str
    kind: str
    squares: np.ndarray
    deviations: np.ndarray
    columns: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Example:
    """One example of those with the largest or smallest norms.

    Attributes:
        index: its place in the data.
        norm: squared Frobenius norm of its Jacobian.
        x: what the model was given, arrays.
        label: what `y` says, as text; "" without `y`.
        prediction: what the model says, as text.
        is_right: whether they agree; None where that has no meaning.
    """

    index: int
    norm: float
    x: Any
    label: str
    prediction: str
    is_right: bool | None


@dataclasses.dataclass(frozen=True)
class Facts:
    """All that a report says.

    Attributes:
        model_name: the model's name.
        num_weights: number of its weights.
        task: "classes", "numbers" or "" without `y`.
        gc: geometric complexity, in (logit / input unit)^2.
        gc_per_deviation: the same if each input entry were divided by its
            standard deviation over the examples: free of the input's unit.
        estimator: "exact", or what each value was estimated with.
        ranking: Spearman's rho between two independent estimates of the
            examples' norms; None where they are exact.
        num_available: examples in the data; None where that is not known.
        num_outputs: K, outputs of one example.
        num_inputs: d, inputs of one example.
        measured_from: name of the layer that stands for the inputs, or None.
        measured_to: name of the layer that stands for the logits, or None.
        input_range: smallest and largest input.
        norms: squared norm of each example, `(examples,)`.
        indices: place of each in the data.
        labels: text of each label; empty without `y`.
        predictions: text of each prediction.
        accuracy: share of right predictions, or None.
        mean_squared_error: for a task of numbers, or None.
        groups: by class, by right and wrong, or by size of the error.
        layers: from the first to the last.
        inputs: one map for each input.
        largest: the examples with the largest norms, from the largest.
        smallest: those with the smallest, from the smallest.
        spectral_bound: no norm exceeds it; None if unknown.
        lipschitz_lower_bound: largest spectral norm of a Jacobian seen.
        margin_normalized_gc: GC over the squared median margin, or None.
        embedding: name of the layer before the last one with weights.
        warnings: what a reader must know before believing the rest.
        notes: what was left out or stepped over, and why.
        seconds: how long it took.
    """

    model_name: str
    num_weights: int
    task: str
    gc: Mean
    gc_per_deviation: float
    estimator: str
    ranking: float | None
    num_available: int | None
    num_outputs: int
    num_inputs: int
    measured_from: str | None
    measured_to: str | None
    input_range: tuple[float, float]
    norms: np.ndarray
    indices: np.ndarray
    labels: tuple[str, ...]
    predictions: tuple[str, ...]
    accuracy: float | None
    mean_squared_error: float | None
    groups: tuple[Group, ...]
    layers: tuple[Layer, ...]
    inputs: tuple[InputMap, ...]
    largest: tuple[Example, ...]
    smallest: tuple[Example, ...]
    spectral_bound: float | None
    lipschitz_lower_bound: float | None
    margin_normalized_gc: float | None
    embedding: str | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def embedding_gc(self) -> Mean | None:
        """GC of the last layer's inputs, which checkpoints are ranked by."""
        for layer in self.layers:
            if layer.name == self.embedding:
                return layer.gc
        return None
