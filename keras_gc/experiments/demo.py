"""The demo: one small network, trained at several weights of GC."""

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import keras

import keras_gc
from keras_gc import _validation
from keras_gc.experiments import networks

_WEIGHTS = {"digits": (0, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)}
_WEIGHTS_OTHER = (0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
_EPOCHS = {"digits": 30}
_EPOCHS_OTHER = 5
_BATCH_SIZE = 64
_MEASURED = 1000  # test examples that GC is measured on, exactly


@dataclasses.dataclass
class Demo:
    """A comparison of weights of GC; all hyper-parameters are ours.

    Attributes:
        dataset: name of a dataset.
        weights: weights of GC. Defaults to 0 and five more.
        epochs: passes over the training data.
        max_train: size of a random subset of the training data, or None.
        seed: of the initialisation, the order of the data and the probes.
    """

    dataset: str = "digits"
    weights: Sequence[float] | None = None
    epochs: int | None = None
    max_train: int | None = None
    seed: int = 0

    def __post_init__(self):
        if self.weights is None:
            self.weights = _WEIGHTS.get(self.dataset, _WEIGHTS_OTHER)
        for weight in self.weights:
            _validation.number("weights", weight, minimum=0.0)
        if self.epochs is None:
            self.epochs = _EPOCHS.get(self.dataset, _EPOCHS_OTHER)
        _validation.positive_int("epochs", self.epochs)
        self.data = keras_gc.datasets.load(
            self.dataset, max_train=self.max_train, seed=self.seed
        )

    @property
    def num_epochs(self) -> int:
        """Epochs of all runs together."""
        return (1 + len(self.weights)) * self.epochs

    @property
    def title(self) -> str:
        """What the table and the figure show."""
        return (
            f"{self.dataset}: {len(self.data.x_train)} training examples, "
            f"{self.epochs} epochs"
        )

    def run(self, on_epoch: Callable[[str], None]) -> list[dict]:
        """Train plain Keras once, then a GCModel at each weight.

        Args:
            on_epoch: called after each epoch with what is being trained.

        Returns:
            One row a run.
        """
        rows = []
        for weight in (None, *self.weights):
            name = "plain Keras" if weight is None else f"gc_weight {weight:g}"
            report = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs, name=name: on_epoch(name)
            )
            rows.append(self._train(weight, report))
        for row in rows:
            row["time_over_plain"] = (
                row["epoch_seconds"] / rows[0]["epoch_seconds"]
            )
        return rows

    def _train(self, weight: float | None, report) -> dict:
        keras.utils.set_random_seed(self.seed)
        data = self.data
        build = networks.mlp if data.x_train.shape[-1] == 1 else networks.lenet
        model = build(data.x_train.shape[1:], data.num_classes)
        gc = {}
        if weight is not None:
            model = keras_gc.GCModel.from_model(model)
            gc = {"gc_weight": weight}
        model.compile(
            "adam",
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            **gc,
        )
        clock = _EpochClock()
        history = model.fit(
            data.x_train,
            data.y_train,
            batch_size=_BATCH_SIZE,
            epochs=self.epochs,
            verbose=0,
            callbacks=[clock, report],
        ).history
        train = model.evaluate(
            data.x_train, data.y_train, 500, verbose=0, return_dict=True
        )
        test = model.evaluate(
            data.x_test, data.y_test, 500, verbose=0, return_dict=True
        )
        estimate = keras_gc.geometric_complexity(
            model, data.x_test[:_MEASURED], batch_size=100
        )
        return {
            "gc_weight": weight,
            "seed": self.seed,
            "train_accuracy": train["accuracy"],
            "test_accuracy": test["accuracy"],
            "gc": estimate.value,
            "gc_standard_error": estimate.standard_error,
            "gc_examples": estimate.num_examples,
            "gc_history": history.get("gc"),
            "epoch_seconds": clock.fastest,
        }


class _EpochClock(keras.callbacks.Callback):
    """Time of the fastest epoch: whatever else the machine did only adds."""

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.perf_counter() - self.start
        self.fastest = min(seconds, getattr(self, "fastest", seconds))


def write(demo: Demo, rows: list[dict], folder: Path) -> Path:
    """Write the rows as JSON lines.

    Args:
        demo: what was run.
        rows: what came out.
        folder: where; made if it is not there.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{demo.dataset}.jsonl"
    lines = (json.dumps({"title": demo.title, **row}) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
