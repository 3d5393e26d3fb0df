"""Noise of each estimator, in its values and in a penalty's weight gradient.

A network is trained as usual; then, at its weights, estimates on a batch are
compared with the exact ones of the same batch.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_gc import _validation, backend, benchmarks, datasets, estimators
from keras_gc.benchmarks.networks import cnn
from keras_gc.experiments.environment import environment
from keras_gc.experiments.networks import mlp

_NUM_TRAIN = 12_000
# Batches from which an estimator with state learns before it is measured.
_WARM_UP = 20


def _pairs(data):
    """Two digits side by side: 100 classes."""
    order = np.random.default_rng(0).permutation(len(data.x_train))
    x = np.concatenate([data.x_train, data.x_train[order]], axis=2)
    y = data.num_classes * data.y_train + data.y_train[order]
    return x, y, data.num_classes**2


def _single(data):
    return data.x_train, data.y_train, data.num_classes


# name: (data set, examples, network)
TASKS = {
    "digits-mlp": ("digits", _single, mlp),
    "mnist-mlp": ("mnist", _single, mlp),
    "mnist-cnn": ("mnist", _single, cnn),
    "mnist-pairs-mlp": ("mnist", _pairs, mlp),
    "cifar10-mlp": ("cifar10", _single, mlp),
    "cifar10-cnn": ("cifar10", _single, cnn),
}
ESTIMATORS = (
    estimators.Hutchinson(),
    estimators.Hutchinson(probe="sphere"),
    estimators.Hutchinson(probe="balanced"),
    estimators.Hutchinson(probe="principal"),
    estimators.Hutchinson(mode="forward"),
    estimators.SampledOutputs(),
    estimators.FiniteDifference(),
)


def noise(
    task: str,
    *,
    candidates: tuple[estimators.Estimator, ...] = ESTIMATORS,
    epochs: int = 6,
    batch_size: int = 128,
    num_batches: int = 4,
    num_draws: int = 20,
    out: str | Path | None = None,
) -> list[dict[str, Any]]:
    """Measure the noise of estimators on one trained network.

    The noise of an estimate e of g is `E ||e - g||^2 / ||g||^2`, with the
    expectation over draws on one batch and then the mean over batches. It is
    measured for the batch's mean GC, and for the weight gradient of that mean.

    Args:
        task: str, a key of `TASKS`: data set and network.
        candidates: tuple of estimators. Defaults to `ESTIMATORS`.
        epochs: int, epochs of Adam on up to 12,000 examples; 0 measures at
            initialisation. Defaults to 6.
        batch_size: int, examples of a batch. Defaults to 128.
        num_batches: int, batches to measure on. Defaults to 4.
        num_draws: int, estimates on each batch. Defaults to 20.
        out: path of a JSON lines file to append to. Defaults to None: no file.

    Returns:
        List of dicts, one for each estimator.
    """
    _validation.one_of("task", task, TASKS)
    model, x = _trained(task, epochs, batch_size)
    batches = [
        ops.convert_to_tensor(x[start : start + batch_size])
        for start in range(0, num_batches * batch_size, batch_size)
    ]
    exact = _Penalty(model, estimators.ExactReverse())
    truths = [exact(batch) for batch in batches]
    rows = []
    for candidate in candidates:
        penalty = _Penalty(model, candidate)
        if penalty.estimator.variables:
            for start in range(_WARM_UP):
                penalty(batches[start % num_batches])
        errors = np.array([
            [_errors(penalty(batch), truth) for _ in range(num_draws)]
            for batch, truth in zip(batches, truths, strict=True)
        ])
        count = num_batches * num_draws
        of_value, of_gradient = errors.mean(axis=(0, 1))
        rows.append({
            "task": task,
            "estimator": repr(candidate),
            "passes": candidate.num_passes(
                model.output_shape[-1], int(np.prod(x.shape[1:]))
            ),
            "gradient_noise": float(of_gradient),
            "gradient_noise_error": float(
                errors[..., 1].std() / np.sqrt(count)
            ),
            "value_noise": float(of_value),
            "epochs": epochs,
            "batch_size": batch_size,
            "num_batches": num_batches,
            "num_draws": num_draws,
            **environment(),
        })
    benchmarks.append(rows, out)
    return rows


def _trained(task, epochs, batch_size):
    """Return a trained network and its training examples."""
    dataset, examples, build = TASKS[task]
    keras.utils.set_random_seed(0)
    data = datasets.load(dataset, max_train=_NUM_TRAIN)
    x, y, num_classes = examples(data)
    model = build(x.shape[1:], num_classes)
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0)
    return model, x


class _Penalty:
    """The mean GC of a batch and its weight gradient, traced once."""

    def __init__(self, model, estimator):
        self.estimator = type(estimator).from_config(estimator.get_config())
        self.estimator.build(model.output_shape[-1])
        seed = keras.random.SeedGenerator(1)

        def value_and_gradients(x):
            def objective():
                _, values = self.estimator(
                    lambda point: model(point, training=False), x, seed
                )
                return ops.mean(values), None

            value, _, gradients = backend.value_and_gradients(
                objective, model.trainable_variables
            )
            return value, [
                ops.zeros_like(v) if g is None else g
                for v, g in zip(
                    model.trainable_variables, gradients, strict=True
                )
            ]

        self._run = backend.compiled(
            value_and_gradients,
            constants=model.variables,
            state=[*self.estimator.variables, seed.state],
        )

    def __call__(self, x):
        value, gradients = self._run(x)
        flat = [ops.convert_to_numpy(g).ravel() for g in gradients]
        return float(value), np.concatenate(flat).astype("float64")


def _errors(estimate, truth):
    """Return the relative squared errors of value and gradient."""
    (value, gradient), (true_value, true_gradient) = estimate, truth
    return (
        (value / true_value - 1) ** 2,
        np.sum((gradient - true_gradient) ** 2) / np.sum(true_gradient**2),
    )
