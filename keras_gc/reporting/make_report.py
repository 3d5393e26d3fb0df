"""`report`: measure a model once and say all that there is to say."""

import time
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_gc import _validation
from keras_gc.reporting import findings
from keras_gc.reporting.facts import Example, Facts, Group, Mean
from keras_gc.reporting.gc_report import GCReport
from keras_gc.reporting.input_maps import input_maps
from keras_gc.reporting.input_meter import InputMeter
from keras_gc.reporting.labelled_batches import LabelledBatches
from keras_gc.reporting.layers import layer_facts
from keras_gc.reporting.survey import Survey
from keras_gc.reporting.targets import read_targets

_LAYER_EXAMPLES = 128


def report(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    inputs: str | None = None,
    outputs: str | None = None,
    class_names: Sequence[str] | None = None,
    max_examples: int = 1000,
    rtol: float | None = None,
    batch_size: int = 32,
    seed: int = 0,
    verbose: int = 0,
) -> GCReport:
    """Measure a model's geometric complexity and where it comes from.

    The result holds GC with its standard error, its distribution over the
    examples, by class and by right and wrong predictions, by layer and by
    input, the examples with the largest and the smallest norms, and warnings
    in words. In a notebook it shows itself; `save("report.html")` writes one
    page that needs no network; `to_pandas()` and `plot()` give the same as
    tables and figures.

    Units: (logit / input unit)^2. `gc_per_deviation` beside it is the GC of
    the same function of inputs divided by their standard deviations, which
    has no input unit.

    Values are exact up to 256 outputs (or inputs), at the cost of one
    Jacobian product for each; beyond, they are means over 32 random
    projections, unbiased, and the report says how far two halves of them
    agree on the order of the examples. The layers are measured on 128
    examples, by 2 unbiased projections each. The model runs in inference mode
    and is not changed.

    Args:
        model: any built `keras.Model`.
        x: array, DataFrame, list or dict of arrays, or data that come in
            batches of `x` or `(x, y)`: `tf.data.Dataset`, `PyDataset`,
            `DataLoader`, iterable.
        y: class ids `(n,)`, one-hot rows `(n, K)`, or numbers for a
            regression. Defaults to None: the `y` of the batches, if any.
        inputs: name of a layer whose output is taken for x: the embedding of
            a token model. Defaults to the model's inputs.
        outputs: name of a layer whose output is taken for f. Defaults to the
            logits.
        class_names: names of the classes, by id. Defaults to the ids.
        max_examples: int, measure not more than these: a random subset of
            arrays, the first of other data. Defaults to 1000.
        rtol: float > 0, stop as soon as the standard error of GC is below
            `rtol * GC` (not before 64 examples). Defaults to None.
        batch_size: int, examples at a time, for arrays; memory grows with it
            and with nothing else. Defaults to 32.
        seed: int, of the subset and the projections: the same seed, the same
            report. Defaults to 0.
        verbose: 1 shows a progress bar. Defaults to 0.

    Returns:
        A `GCReport`.

    Raises:
        TypeError: for inputs that have no derivative, or a wrong type.
        ValueError: if the model is not built, there are no data, a name is
            unknown, the outputs are probabilities, `y` fits neither classes
            nor numbers, or an argument is out of its range.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> layer = keras.layers.Dense(2, kernel_initializer="ones")
    >>> model = keras.Sequential([keras.Input((3,)), layer])
    >>> x = np.arange(30.0).reshape(10, 3)
    >>> report = keras_gc.report(model, x, y=np.arange(10) % 2)
    >>> report.gc
    Mean(value=6.0, standard_error=0.0, num_examples=10)
    >>> [group.name for group in report.facts.groups]
    ['0', '1', 'right', 'wrong']

    Reference: Dherin et al. 2022 (arXiv 2209.13083); Munn et al. 2023 (arXiv
        2405.18590) for the margin.
    """
    begin = time.monotonic()
    if rtol is not None:
        rtol = _validation.number("rtol", rtol, minimum=0.0, exclusive=True)
    _validation.positive_int("max_examples", max_examples)
    verbose = _validation.verbosity(verbose)
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", message=".*stepped over")
        meter = InputMeter(model, inputs, outputs, seed)
        batches = LabelledBatches(
            x,
            y,
            meter.dtype,
            batch_size,
            max_examples,
            shuffle=rtol is not None,
            seed=seed,
        )
        survey = Survey(meter, batches, _LAYER_EXAMPLES, rtol, verbose)
        stepped = [w for w in caught if "stepped over" in str(w.message)]
        targets = read_targets(
            survey.y,
            survey.outputs,
            meter.estimator.output_shapes,
            class_names=class_names,
            are_logits=outputs is None,
            are_classes=bool(stepped),
        )
        notes: list[str] = []
        gc = Mean.of(survey.norms)
        layers = layer_facts(
            meter.network,
            survey.sample,
            gc,
            survey.outputs.shape[1],
            len(survey.squares),
            notes,
            seed,
        )
    told, others = findings.stepped_over(caught)
    for warning in others:
        warnings.warn(warning.message, warning.category, stacklevel=2)
    largest, smallest = survey.extremes()
    right = targets.is_right
    return GCReport(
        Facts(
            model_name=model.name,
            num_weights=model.count_params(),
            task=targets.task,
            gc=gc,
            gc_per_deviation=float(survey.squares @ survey.deviations**2),
            estimator=repr(meter.estimator),
            ranking=findings.ranking_of(survey),
            num_available=batches.num_available,
            num_outputs=survey.outputs.shape[1],
            num_inputs=len(survey.squares),
            measured_from=inputs,
            measured_to=outputs,
            input_range=survey.input_range,
            norms=survey.norms,
            indices=survey.indices,
            labels=targets.labels,
            predictions=targets.predictions,
            accuracy=None if right is None else float(right.mean()),
            mean_squared_error=(
                None if targets.errors is None else float(targets.errors.mean())
            ),
            groups=tuple(_groups(survey.norms, targets)),
            layers=layers.layers,
            inputs=input_maps(meter, x, survey),
            largest=_examples(largest, survey, targets),
            smallest=_examples(smallest, survey, targets),
            spectral_bound=layers.spectral_bound,
            lipschitz_lower_bound=layers.lipschitz_lower_bound,
            margin_normalized_gc=_margin_normalized(gc, targets.margins),
            embedding=layers.embedding,
            warnings=findings.find_warnings(survey, meter, targets),
            notes=(*told, *notes),
            seconds=time.monotonic() - begin,
        )
    )


def _groups(norms, targets):
    """Yield GC by class, then of right and wrong, or by size of the error."""
    right = targets.is_right
    if targets.ids is not None:
        labels = np.array(targets.labels)
        for class_id in np.unique(targets.ids):
            of_class = targets.ids == class_id
            yield Group(
                "class",
                labels[of_class][0].item(),
                Mean.of(norms[of_class]),
                None if right is None else float(right[of_class].mean()),
            )
    if right is not None:
        yield Group("prediction", "right", Mean.of(norms[right]))
        yield Group("prediction", "wrong", Mean.of(norms[~right]))
    if targets.errors is not None:
        order = np.argsort(targets.errors, kind="stable")
        names = ("smallest quarter", "second", "third", "largest quarter")
        for name, part in zip(names, np.array_split(order, 4), strict=True):
            yield Group("error", name, Mean.of(norms[part]))


def _examples(places, survey, targets):
    def text(values, place):
        return values[place] if values else ""

    return tuple(
        Example(
            index=int(survey.indices[place]),
            norm=float(survey.norms[place]),
            x=survey.example(int(survey.indices[place])),
            label=text(targets.labels, place),
            prediction=text(targets.predictions, place),
            is_right=(
                None
                if targets.is_right is None
                else bool(targets.is_right[place])
            ),
        )
        for place in places
    )


def _margin_normalized(gc, margins):
    """Return GC / (median margin)^2, as `theory.margin_normalized_gc`."""
    if margins is None:
        return None
    margin = float(np.median(margins))
    return gc.value / margin**2 if margin > 0 else float("inf")
