"""One step of training, with geometric complexity in the loss or beside it."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops

from keras_gc import backend, keras_seam
from keras_gc.backend.scope import discard_updates
from keras_gc.estimators.estimator import Estimator
from keras_gc.logits import LogitNetwork
from keras_gc.logits.evaluation_point import has_fixed_batch
from keras_gc.logits.input_scale import in_units
from keras_gc.logits.trusted_derivatives import check_differences
from keras_gc.models.batch_gc import BatchGC
from keras_gc.models.first_batch import FirstBatch
from keras_gc.models.gc_settings import GCSettings
from keras_gc.models.gc_tracker import ONLY_IN_TRAINING, GCTracker
from keras_gc.models.penalty import Penalty
from keras_gc.models.sampling import example_weights, random_rows
from keras_gc.models.training_mode import depends_on_training
from keras_gc.models.watch import Watch


class GCStep:
    """What a batch goes through in `GCModel.fit`.

    `train` takes one step down `objective`, the loss plus `gc_weight * GC`,
    and `run` computes both: the whole of training. GC that is only watched is
    measured by `watch`, beside Keras's own step.

    Args:
        model: the `GCModel`.
        settings: what `compile` was told.
    """

    def __init__(self, model: keras.Model, settings: GCSettings):
        self.model = model
        self.settings = settings
        self.tracker = GCTracker(settings.estimator, settings.heuristics)
        self.penalty = Penalty(settings, self.tracker)
        self.is_evaluating = False  # when the weight is not shown
        self.adds_gc = False  # when `gc_loss` must not
        self.has_stepped = False  # whether our step was traced or run
        self.obstacle: str | None = None  # why GC is not measured after all
        self.watch = Watch(self)
        self.first_batch = FirstBatch(self)
        self._network: LogitNetwork | None = None

    def train(self, data: Any) -> dict:
        """Take one step down L + gc_weight * GC."""
        x, y, sample_weight = self.unpack(data)
        noisy_x, noisy_y = self.corrupt(x, y)
        loss, aux, gradients = self.value_and_gradients(
            lambda: self.objective(noisy_x, noisy_y, sample_weight)
        )
        self.apply(gradients)
        return self.logs((x, y, sample_weight), loss, aux)

    def objective(self, x: Any, y: Any, sample_weight: Any) -> tuple:
        """Return L + gc_weight * GC, and beside it predictions, L and GC."""
        y_pred, loss, gc = self.run(x, y, sample_weight)
        if gc is None:
            return loss, (y_pred, loss, gc)
        penalty = ops.cast(self.weight, gc.mean.dtype) * gc.mean
        return loss + ops.cast(penalty, loss.dtype), (y_pred, loss, gc)

    def run(self, x: Any, y: Any, sample_weight: Any) -> tuple:
        """Return predictions, loss and GC, if possible from one pass."""

        def logits_and_loss(point):
            logits, y_pred = self.network(point, x, training=True)
            return logits, (y_pred, self.loss(x, y, y_pred, sample_weight))

        if self.is_penalised and self.shares_the_pass:
            fn, point = self._in_units(logits_and_loss, x, training=True)
            (_, (y_pred, loss)), values = self.tracker.estimator(
                fn, point, seed=self.tracker.seed, has_aux=True
            )
            return y_pred, loss, BatchGC(values, example_weights(sample_weight))
        y_pred = self.model(x, training=True)
        loss = self.loss(x, y, y_pred, sample_weight)
        if not self.is_penalised:
            return y_pred, loss, None
        share, seed = self.settings.share_of_penalty, self.tracker.seed
        return y_pred, loss, self.measure(x, sample_weight, seed, share)

    def measure(
        self, x: Any, sample_weight: Any, seed: Any, share: float = 1
    ) -> BatchGC:
        """Return GC of a share of a batch, in a forward pass of its own."""
        if share < 1 and has_fixed_batch(self.model):
            raise ValueError(
                "`gc_fraction` takes a part of each batch, and model "
                f"'{self.model.name}' has a fixed batch size. Use "
                "`gc_fraction=1`."
            )
        parts = x, example_weights(sample_weight)
        x, weights = random_rows(share, parts, seed)
        training = self.settings.gc_training

        def logits(point):
            # The pass for the loss has updated the layers' state already.
            with discard_updates():
                return self.network(point, x, training)[0]

        with discard_updates():
            fn, point = self._in_units(logits, x, training)
        _, values = self.tracker.estimator(fn, point, seed)
        return BatchGC(values, weights)

    def give_up(self, error: Exception) -> None:
        """Go on as keras.Model, and say once why GC is not shown."""
        self.obstacle = str(error)
        warnings.warn(
            "Geometric complexity is not measured, and the model trains as "
            f"`keras.Model` does. {type(error).__name__}: {error} To train "
            "without this warning, compile with `gc_metric=False`.",
            stacklevel=2,
        )

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """In the block the logs are those of an evaluation."""
        before, self.is_evaluating = self.is_evaluating, True
        try:
            yield
        finally:
            self.is_evaluating = before

    def check_jit(self) -> None:
        """Refuse what no backend could do.

        Raises:
            ValueError: if the step is to be compiled where it cannot be.
        """
        jit_compile = self.model.jit_compile
        if not jit_compile or backend.SUPPORTS_JIT:
            return
        if self.is_shown or self.changes_training:
            raise ValueError(
                "On the torch backend a train step with GC cannot be compiled: "
                "torch.compile does not differentiate twice. Use "
                "`compile(jit_compile=False)`. Received: jit_compile="
                f"{jit_compile}"
            )

    def unpack(self, data: Any) -> tuple:
        """Return x, y and sample weights as tensors, the model built."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if not self.model.built:
            self.model(x)  # TensorFlow's trainer leaves it to the first step
        x = keras.tree.map_structure(_as_tensor, x)
        return x, y, sample_weight

    def corrupt(self, x: Any, y: Any) -> tuple:
        """Let the heuristics that change the batch do so."""
        for heuristic, seed in self._heuristics:
            x, y = heuristic.corrupt(x, y, self.model, seed)
        return x, y

    def value_and_gradients(self, objective: Callable) -> tuple:
        """Return loss, extras and gradients, where the heuristics take them."""
        variables, scale = self.model.trainable_variables, self._loss_scale

        def compute(objective, values=None):
            return backend.value_and_gradients(
                objective, variables, values, scale
            )

        for heuristic, seed in self._heuristics:
            compute = heuristic.wrap(compute, self.model, seed)
        return compute(objective)

    def apply(self, gradients: list) -> None:
        """Let the optimizer update the weights."""
        variables = self.model.trainable_variables
        if not variables:
            warnings.warn(
                "The model does not have any trainable weights.", stacklevel=2
            )
            return
        backend.apply_gradients(self.model.optimizer, gradients, variables)

    def loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        """Return this replica's share of the compiled and layers' losses."""
        loss = keras_seam.compute_loss(
            self.model,
            x=x,
            y=y,
            y_pred=y_pred,
            sample_weight=sample_weight,
            training=True,
        )
        return backend.replica_share(loss)

    def logs(self, batch: tuple, total: Any, aux: tuple) -> dict:
        """Update the metrics and return their values."""
        (x, y, sample_weight), (y_pred, loss, gc) = batch, aux
        self.has_stepped = True
        first = next(v for v in keras.tree.flatten(x) if v is not None)
        count, replicas = ops.shape(first)[0], backend.num_replicas()
        # Each replica holds its share of a loss.
        tracker: Any = keras_seam.loss_tracker(self.model)  # compiled: it is
        tracker.update_state(total * replicas, sample_weight=count)
        if gc is not None:
            self.first_batch.note(x)
            self.tracker.add(*gc.sums)
            losses = loss * replicas * ops.cast(count, loss.dtype)
            self.tracker.loss_without_gc.add(losses, count)
            self.penalty.follow(gc, total, self.model.optimizer)
        return self.model.compute_metrics(
            x, y, y_pred, sample_weight=sample_weight
        )

    @property
    def network(self) -> LogitNetwork:
        """The logit network of the model, which must be built."""
        if self._network is None:
            check_differences(self.model, self.tracker.estimator)
            self._network = LogitNetwork(
                self.model, self.settings.gc_inputs, self.settings.gc_outputs
            )
        return self._network

    def build_estimator(self) -> None:
        """Create the estimator's state, outside of any trace."""
        estimator = self.tracker.estimator
        if type(estimator).build is Estimator.build or not self.model.built:
            return
        with backend.variable_scope(self.model):
            estimator.build(self.network.symbolic_num_outputs())

    @property
    def weight(self) -> Any:
        """The weight of this step, as a tensor."""
        return self.penalty.weight(self.model.optimizer)

    @property
    def is_penalised(self) -> bool:
        """Whether GC is part of the loss."""
        return self.penalty.is_on

    @property
    def is_asked_for(self) -> bool:
        """Whether GC must be measured, or training stops."""
        return self.is_penalised or self.settings.is_asked_for

    @property
    def is_shown(self) -> bool:
        """Whether `gc` is in the logs."""
        return bool(self.settings.gc_metric) and self.obstacle is None

    @property
    def hidden(self) -> tuple[str, ...]:
        """Names of metrics that the logs leave out."""
        if not self.is_shown:
            return "gc", *ONLY_IN_TRAINING
        return ONLY_IN_TRAINING if self.is_evaluating else ()

    @property
    def is_watched(self) -> bool:
        """Whether GC is measured beside the step, not in it."""
        return self.is_shown and not self.is_penalised

    @property
    def changes_training(self) -> bool:
        """Whether training is another than Keras's own."""
        return self.is_penalised or bool(self.settings.heuristics)

    @property
    def shares_the_pass(self) -> bool:
        """Whether the pass for the loss is also the one to differentiate."""
        return self.settings.share_of_penalty == 1 and (
            self.settings.gc_training or not depends_on_training(self.model)
        )

    @property
    def _heuristics(self):
        heuristics = self.settings.heuristics
        return list(zip(heuristics, self.tracker.seeds, strict=True))

    def _in_units(self, fn, x, training):
        scale = self.settings.input_scale
        return in_units(scale, self.network, fn, x, training)

    @property
    def _loss_scale(self):
        """What the loss is multiplied with under mixed precision."""
        optimizer = self.model.optimizer
        return 1.0 if optimizer is None else optimizer.scale_loss(1.0)


def _as_tensor(leaf):
    if leaf is None or not keras_seam.is_dense_tensor(leaf):
        return leaf
    return ops.convert_to_tensor(leaf)
