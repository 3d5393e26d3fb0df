"""How the experiments train: by one recipe, to one kind of result."""

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_gc import datasets, heuristics, regularizers
from keras_gc.experiments.augmenting import shifted
from keras_gc.experiments.measuring import (
    LOSSES,
    ExactGC,
    measure,
    squared_errors,
)
from keras_gc.experiments.networks import NETWORKS
from keras_gc.experiments.recipe import Recipe
from keras_gc.models import GCModel

# The training loss is checked at geometrically spaced steps, so that fast and
# slow runs overshoot the target by the same fraction.
CHECK_GROWTH = 1.05

TRAINING_LOSSES = {
    "cross_entropy": keras.losses.SparseCategoricalCrossentropy(
        from_logits=True
    ),
    "squared": lambda y, outputs: squared_errors(outputs, y),
}


def train(
    recipe: Recipe,
    seed: int,
    data: datasets.Dataset,
    observe: Callable[[keras.Model], dict] = lambda model: {},
) -> tuple[keras.Model, dict]:
    """Train a network by a recipe and measure it.

    Args:
        recipe: `Recipe`, what to do.
        seed: int, decides the initial weights, the order of the batches and all
            noise.
        data: `Dataset`, examples to train and to measure on.
        observe: callable, what to record along training in addition to GC.

    Returns:
        `(model, result)`. The result holds loss, accuracy and exact GC, on
        held-out and on training examples, the number of steps, whether
        `stop_at_loss` was reached, and the `curve` of loss and GC over steps.
    """
    keras.utils.set_random_seed(seed)
    model = build(recipe, data.x_train.shape[1:], data.num_classes)
    gc = ExactGC(model)
    watch = _Watch(recipe, data, gc, observe)
    batches = Batches(
        data, recipe.batch_size, recipe.epochs, seed, recipe.augment
    )
    model.fit(batches, shuffle=False, callbacks=[watch], verbose=0)
    return model, measure(
        model, data, recipe.num_gc, gc, recipe.loss
    ) | watch.result()


def run(recipe: Recipe, seed: int, dataset: str) -> dict:
    """Train a network by a recipe and return what was measured.

    Args:
        recipe: `Recipe`, what to do.
        seed: int, seed of the run.
        dataset: str, name of the data set.

    Returns:
        The result of `train`.
    """
    return train(recipe, seed, load(dataset, recipe))[1]


@functools.lru_cache(maxsize=4)
def _load(
    dataset: str, num_train: int, num_test: int, wrong_labels: float
) -> datasets.Dataset:
    data = datasets.load(dataset, max_train=num_train, max_test=num_test)
    y_train = with_wrong_labels(data.y_train, wrong_labels, data.num_classes)
    return data._replace(y_train=y_train)


def load(dataset: str, recipe: Recipe) -> datasets.Dataset:
    """Load the examples that a recipe asks for; every seed gets the same.

    Args:
        dataset: str, name of the data set.
        recipe: `Recipe`, the recipe.

    Returns:
        A `keras_gc.datasets.Dataset`.
    """
    return _load(
        dataset, recipe.num_train, recipe.num_test, recipe.wrong_labels
    )


def with_wrong_labels(y: Any, share: float, num_classes: int) -> np.ndarray:
    """Replace a share of the labels by random ones, once and for all.

    Args:
        y: Integer labels.
        share: float, the share, from 0 to 1. A larger share replaces the same
            labels and others in addition. A random label may be the true one.
        num_classes: int, number of classes.

    Returns:
        A new array of labels.
    """
    rng = np.random.default_rng(0)
    random_labels = rng.integers(num_classes, size=len(y), dtype=y.dtype)
    return np.where(rng.random(len(y)) < share, random_labels, y)


def build(recipe: Recipe, input_shape: tuple, num_classes: int) -> GCModel:
    """Build and compile the network of a recipe.

    Args:
        recipe: `Recipe`, the recipe.
        input_shape: tuple, shape of one example.
        num_classes: int, number of logits.

    Returns:
        A compiled `keras_gc.GCModel`.
    """
    depth = {} if recipe.depth is None else {"depth": recipe.depth}
    network = NETWORKS[recipe.network](
        input_shape,
        num_classes,
        width=recipe.width,
        kernel_initializer=recipe.kernel_initializer,
        kernel_regularizer=_regularizer(recipe),
        **depth,
    )
    model = GCModel.from_model(network)
    model.compile(
        _optimizer(recipe),
        TRAINING_LOSSES[recipe.loss],
        gc_weight=recipe.gc_weight,
        gc_outputs=recipe.gc_outputs,
        gc_metric=False,
        heuristics=_heuristics(recipe),
    )
    return model


def _optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(recipe.learning_rate)
    return keras.optimizers.SGD(recipe.learning_rate, recipe.momentum)


def _regularizer(recipe: Recipe) -> keras.regularizers.Regularizer | None:
    if recipe.l2:
        return keras.regularizers.L2(recipe.l2)
    if recipe.spectral_norm:
        return regularizers.SpectralNorm(recipe.spectral_norm)
    return None


def _heuristics(recipe: Recipe) -> list:
    strengths = {
        "InputNoise": recipe.input_noise,
        "LabelNoise": recipe.label_noise,
        "WeightNoise": recipe.weight_noise,
        "GradientPenalty": recipe.gradient_penalty,
        "SAM": recipe.sam_rho,
    }
    return [
        getattr(heuristics, name)(strength)
        for name, strength in strengths.items()
        if strength
    ]


class Batches(keras.utils.PyDataset):
    """All batches of a run in sequence, in the same order on every backend.

    Keras sees one long epoch: starting an epoch takes it longer than several
    steps of the small networks here.

    Args:
        data: `Dataset`, the examples.
        batch_size: int, examples in a batch. The last, incomplete batch of an
            epoch is left out.
        epochs: int, how often to go through the examples, each time in a new
            order.
        seed: int, decides the orders and the shifts.
        augment: int, pixels by which images move at most. Defaults to 0.
    """

    def __init__(
        self,
        data: datasets.Dataset,
        batch_size: int,
        epochs: int,
        seed: int,
        augment: int = 0,
    ):
        super().__init__()
        self._data = data
        self._batch_size = batch_size
        self._per_epoch = max(1, len(data.y_train) // batch_size)
        self._epochs = epochs
        self._seed, self._augment = seed, augment
        self._order = functools.lru_cache(maxsize=2)(
            lambda epoch: np.random.default_rng([seed, epoch]).permutation(
                len(data.y_train)
            )
        )

    @property
    def num_batches(self) -> int:
        """Number of steps of the run."""
        return self._epochs * self._per_epoch

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the batch of one step."""
        epoch, place = divmod(index, self._per_epoch)
        start = place * self._batch_size
        rows = self._order(epoch)[start : start + self._batch_size]
        rng = np.random.default_rng([self._seed, 1, index])
        x = shifted(self._data.x_train[rows], self._augment, rng)
        return x, self._data.y_train[rows]


class _Watch(keras.callbacks.Callback):
    """Records the curve of a run, and ends it at the loss asked for."""

    def __init__(
        self,
        recipe: Recipe,
        data: datasets.Dataset,
        gc: ExactGC,
        observe: Callable,
    ):
        super().__init__()
        self._gc = gc
        self._target = recipe.stop_at_loss
        self._mean_loss = LOSSES[recipe.loss]
        self._x = data.x_train[:1000]
        self._y = data.y_train[:1000]
        self._x_gc = data.x_test[: recipe.num_gc_along]
        self._observe = observe
        self._growth = recipe.curve_growth
        self._step = self._next_check = 0
        self._reached = None if self._target is None else False
        self._curve: list[dict] = []

    def result(self) -> dict:
        """Return the part of the run's result that training decides."""
        return {
            "steps": self._step,
            "reached_loss": self._reached,
            "curve": self._curve,
        }

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._record()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._step += 1
        if self._step >= self._next:
            self._record()
        if self._target is not None and self._step >= self._next_check:
            self._next_check = math.ceil(self._step * CHECK_GROWTH)
            if self._loss() <= self._target:
                self._reached = True
                self.model.stop_training = True

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._curve[-1]["step"] < self._step:
            self._record()

    def _record(self) -> None:
        self._curve.append({
            "step": self._step,
            "loss": self._loss(),
            "gc": self._gc(self._x_gc),
            **self._observe(self.model),
        })
        self._next = max(1, math.ceil(self._step * self._growth))

    def _loss(self) -> float:
        return self._mean_loss(self.model(self._x, training=False), self._y)
