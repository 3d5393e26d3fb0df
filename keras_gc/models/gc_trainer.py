"""GC in `compile`, `fit`, `train_step` and `test_step` of a Keras model."""

import contextlib
import typing
import warnings
from typing import Any

import keras
from keras import ops

from keras_gc import backend
from keras_gc.backend.scope import discard_updates
from keras_gc.estimators.estimator import Estimator
from keras_gc.logits import LogitNetwork, check_loss
from keras_gc.models.gc_settings import (
    GCSettings,
    check_weight,
    scheduled_weight,
)
from keras_gc.models.gc_tracker import GCTracker
from keras_gc.models.masks import masks_of, with_masks
from keras_gc.models.sampling import example_weights, random_rows
from keras_gc.models.training_mode import depends_on_training, mixes_examples


class GCTrainer:
    """The part that `GCModel` and `GCSequential` have in common.

    Without a weight, the metric and heuristics each method hands over to
    `keras.Model`.
    """

    _gc = None  # GCSettings
    _gc_tracker = None
    _gc_network = None  # LogitNetwork
    _gc_weight_of_fit = None  # overrides the one in _gc while fit runs
    _gc_traced_with = None  # what train_function was traced for
    _gc_has_stepped = False  # whether our train step was traced or run

    def compile(
        self,
        *args,
        gc_weight=0.0,
        gc_estimator="auto",
        gc_inputs=None,
        gc_outputs=None,
        gc_fraction=1.0,
        gc_training=False,
        gc_metric=True,
        heuristics=(),
        **kwargs,
    ):
        """Configure the model for training; `keras.Model.compile` and more.

        GC of a batch is the mean over its examples, weighted by
        `sample_weight` and `class_weight` where these are given.

        Args:
            *args: as in `keras.Model.compile`.
            gc_weight: float >= 0, or a schedule `step -> weight`, as a
                `keras.optimizers.schedules.LearningRateSchedule` is: the
                factor of GC in the loss. A step is `optimizer.iterations`:
                the updates of the weights so far, those of earlier fits too.
                Defaults to 0: GC is only measured.
            gc_estimator: `"auto"`, a name or a `keras_gc.estimators`
                instance. `"auto"` is `Hutchinson()`: one Rademacher probe.
            gc_inputs: name of a layer to measure from (the embedding of a
                token model). Defaults to the model's inputs.
            gc_outputs: name of a layer to measure to (embedding GC). Defaults
                to the logits.
            gc_fraction: float in (0, 1], share of each training batch, drawn
                at random, that GC is computed on. It stays unbiased, and its
                cost falls in proportion. Defaults to 1.
            gc_training: bool, compute GC with layers in training mode. With
                BatchNormalization this is not the GC of single examples.
                Defaults to False.
            gc_metric: bool, show `gc` in logs and History. Defaults to True.
            heuristics: list of `keras_gc.heuristics`. Defaults to none.
            **kwargs: as in `keras.Model.compile`.
        """
        settings = GCSettings(
            gc_weight=gc_weight,
            gc_estimator=gc_estimator,
            gc_inputs=gc_inputs,
            gc_outputs=gc_outputs,
            gc_fraction=gc_fraction,
            gc_training=gc_training,
            gc_metric=gc_metric,
            heuristics=heuristics,
        )
        super().compile(*args, **kwargs)
        self._gc = settings
        self._gc_has_stepped = False
        # By `__dict__`: Keras lists a metric that is an attribute for good,
        # those of earlier compiles too. `metrics` decides.
        self.__dict__["_gc_tracker"] = GCTracker(
            settings.estimator, settings.heuristics
        )
        self._gc_network = None
        if self.built:
            self._gc_find_network()  # a wrong name is told here
        self._gc_check_jit()
        if settings.gc_training and mixes_examples(self):
            warnings.warn(
                "With `gc_training=True` and BatchNormalization the examples "
                "of a batch depend on each other, and GC is not that of "
                "single examples (it can be several times smaller). "
                "`gc_training=False` measures with the moving statistics.",
                stacklevel=2,
            )

    def fit(self, *args, gc_weight=None, **kwargs):
        """Train; `keras.Model.fit` with a weight for GC.

        Args:
            *args: as in `keras.Model.fit`.
            gc_weight: float >= 0 or schedule `step -> weight`, instead of
                `compile`'s for this fit alone. Defaults to None: `compile`'s.
            **kwargs: as in `keras.Model.fit`.

        Returns:
            A `History`, with `gc` and `val_gc` beside `loss` and `val_loss`.
            `loss` includes the penalty, `val_loss` does not.
        """
        if gc_weight is not None:
            self._gc_weight_of_fit = check_weight(gc_weight)
        try:
            return super().fit(*args, **kwargs)
        finally:
            self._gc_weight_of_fit = None

    def train_step(self, *args):
        """Take one step down `L + gc_weight * GC`."""
        if not self._gc_is_active:
            return super().train_step(*args)
        return backend.run_step(self, self._gc_train_step, *args)

    def test_step(self, *args):
        """Evaluate one batch, GC included."""
        if not (self._gc_is_active and self._gc.gc_metric):
            return super().test_step(*args)
        return backend.run_step(self, self._gc_test_step, *args)

    def _gc_train_step(self, data):
        self._gc_has_stepped = True
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if not self.built:
            self(x)  # TensorFlow's trainer leaves building to the first step
        heuristics = list(
            zip(self._gc.heuristics, self._gc_tracker.seeds, strict=True)
        )
        noisy_x, noisy_y = x, y
        for heuristic, seed in heuristics:
            noisy_x, noisy_y = heuristic.corrupt(noisy_x, noisy_y, self, seed)

        def objective():
            y_pred, loss, gc = self._gc_forward(
                noisy_x, noisy_y, sample_weight, training=True
            )
            if self._gc_is_penalised:
                weight = ops.cast(self._gc_weight, gc.mean.dtype)
                loss = loss + ops.cast(weight * gc.mean, loss.dtype)
            return loss, (y_pred, gc)

        def value_and_gradients(objective, values=None):
            return backend.value_and_gradients(
                objective, self.trainable_variables, values, self._gc_scale
            )

        for heuristic, seed in heuristics:
            value_and_gradients = heuristic.wrap(
                value_and_gradients, self, seed
            )
        loss, (y_pred, gc), gradients = value_and_gradients(objective)
        if self.trainable_variables:
            backend.apply_gradients(
                self.optimizer, gradients, self.trainable_variables
            )
        else:
            warnings.warn(
                "The model does not have any trainable weights.", stacklevel=2
            )
        return self._gc_logs(x, y, y_pred, sample_weight, loss, gc)

    def _gc_test_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        y_pred, loss, gc = self._gc_forward(x, y, sample_weight, training=False)
        return self._gc_logs(x, y, y_pred, sample_weight, loss, gc)

    def _gc_forward(self, x, y, sample_weight, training):
        """Return predictions, loss and GC: one forward pass where it may be."""
        settings, values = self._gc, None
        if self._gc_shares_forward(training):
            (y_pred, self._losses_override), values = self._gc_values(
                x, training
            )
        else:
            y_pred = self(x, training=training)
        loss = self._compute_loss(
            x=x,
            y=y,
            y_pred=y_pred,
            sample_weight=sample_weight,
            training=training,
        )
        self._losses_override = []
        weights = example_weights(sample_weight)
        if values is None and self._gc_is_measured:
            x, weights = random_rows(
                settings.gc_fraction, (x, weights), self._gc_tracker.seed
            )
            # The pass for the loss has updated the layers' state already.
            _, values = self._gc_values(
                x, settings.gc_training, discard_updates
            )
        if values is None:
            return y_pred, loss, None
        if not (training and self._gc_is_penalised):
            values = ops.stop_gradient(values)
        return y_pred, loss, BatchGC(values, weights)

    def _gc_values(self, x, training, scope=contextlib.nullcontext):
        """Return `((predictions, losses), values)` of one forward pass.

        The pass runs in a `scope()`.
        """
        network = self._gc_find_network()

        def logits(point):
            with scope():
                logits, y_pred = network(point, x, training)
                return logits, (y_pred, masks_of(y_pred), self.losses)

        with scope():
            point = network.point(x, training)
        (_, (y_pred, masks, losses)), values = self._gc_tracker.estimator(
            logits, point, seed=self._gc_tracker.seed, has_aux=True
        )
        check_loss(network, self.loss)
        # JAX hands over new tensors, without the masks that the loss reads.
        return (with_masks(y_pred, masks), losses), values

    def _gc_find_network(self):
        if self._gc_network is None:
            self._gc_network = LogitNetwork(
                self, self._gc.gc_inputs, self._gc.gc_outputs
            )
        return self._gc_network

    def _gc_logs(self, x, y, y_pred, sample_weight, loss, gc):
        self._loss_tracker.update_state(
            loss * backend.num_replicas(),  # each replica holds its share
            sample_weight=ops.shape(_first(x))[0],
        )
        if gc is not None:
            self._gc_tracker.update_state(gc.values, gc.weights)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    @property
    def _gc_scale(self):
        """What the loss is multiplied with under mixed precision."""
        return 1.0 if self.optimizer is None else self.optimizer.scale_loss(1.0)

    @property
    def _gc_weight(self):
        """The weight of this step, as a tensor."""
        weight = self._gc_spec
        if callable(weight):
            return scheduled_weight(weight, self.optimizer.iterations)
        return ops.convert_to_tensor(self._gc_tracker.weight)

    @property
    def _gc_spec(self):
        """The weight or schedule that holds now: fit's before compile's."""
        if self._gc_weight_of_fit is not None:
            return self._gc_weight_of_fit
        return self._gc.gc_weight

    @property
    def _gc_is_penalised(self):
        return callable(self._gc_spec) or self._gc_spec > 0

    @property
    def _gc_is_measured(self):
        return self._gc.gc_metric or self._gc_is_penalised

    @property
    def _gc_is_active(self):
        return self._gc is not None and (
            self._gc_is_measured or bool(self._gc.heuristics)
        )

    def _gc_shares_forward(self, training):
        """Whether the pass for the loss is also the one to differentiate."""
        if not self._gc_is_measured or not training:
            return self._gc_is_measured
        return self._gc.gc_fraction == 1 and (
            self._gc.gc_training or not depends_on_training(self)
        )

    def make_train_function(self, force=False):
        """Trace again when GC enters or leaves the loss, or by a schedule."""
        if self._gc is not None:
            weight = self._gc_spec
            traced_with = weight if callable(weight) else weight > 0
            force = force or traced_with != self._gc_traced_with
            self._gc_traced_with = traced_with
            if not callable(weight):
                self._gc_tracker.weight.assign(weight)
            self._gc_build_estimator()
            self._gc_check_jit()
        super().make_train_function(force)
        is_ours = type(self).train_step is GCTrainer.train_step
        if not (is_ours or hasattr(self.train_function, "checks_gc")):
            self.train_function = self._gc_checked(self.train_function)
        return self.train_function

    def _gc_checked(self, train_function):
        """Warn after the first batch if a user's train step left GC out."""

        def checked(*args, **kwargs):
            result = train_function(*args, **kwargs)
            if self._gc_is_active and not self._gc_has_stepped:
                self._gc_has_stepped = True  # said once
                warnings.warn(
                    f"`{type(self).__name__}.train_step` does not call "
                    "`super().train_step(...)`, where GC is measured and "
                    "penalised and heuristics act: `gc` is 0 and `gc_weight` "
                    "without effect. Call it, or compile with "
                    "`gc_metric=False` and without `gc_weight` and "
                    "`heuristics`.",
                    stacklevel=2,
                )
            return result

        checked.checks_gc = True
        return checked

    def _gc_check_jit(self):
        if self._gc_is_active and self.jit_compile and not backend.SUPPORTS_JIT:
            raise ValueError(
                "On the torch backend a train step with GC cannot be compiled: "
                "torch.compile does not differentiate twice. Use "
                "`compile(jit_compile=False)`. Received: jit_compile="
                f"{self.jit_compile}"
            )

    def make_test_function(self, force=False):
        """Build the estimator before anything is traced."""
        self._gc_build_estimator()
        return super().make_test_function(force)

    def _gc_build_estimator(self):
        """Create the estimator's state, outside of any trace."""
        if not (self._gc_is_active and self.built):
            return
        if type(self._gc_tracker.estimator).build is Estimator.build:
            return
        example = keras.tree.map_shape_structure(
            lambda shape: ops.ones([size or 1 for size in shape]),
            self.input_shape
            if hasattr(self, "input_shape")
            else self.get_build_config()["input_shape"],
        )
        with backend.variable_scope(self):
            self._gc_tracker.estimator.build(
                self._gc_find_network().num_outputs(example)
            )

    @property
    def metrics(self):
        """The metrics of `keras.Model`, and `gc`."""
        metrics = super().metrics
        if self._gc_is_active:
            metrics.append(self._gc_tracker)
        return metrics

    def get_metrics_result(self):
        """Return the metrics' values; without `gc` if it is not wanted."""
        result = super().get_metrics_result()
        if self._gc_is_active and not self._gc.gc_metric:
            result.pop("gc", None)  # a user's `metrics` may lack it
        return result

    def get_compile_config(self):
        """Return the arguments of `compile`, serialized."""
        config = super().get_compile_config()
        if config and self._gc is not None:
            config.update(self._gc.serialize())
        return config

    def compile_from_config(self, config):
        """Compile with the arguments that `get_compile_config` returned.

        Args:
            config: dict.
        """
        if type(self).compile is not GCTrainer.compile:
            super().compile_from_config(config)  # warns, as Keras does
            return
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)


class BatchGC(typing.NamedTuple):
    """GC of the examples of a batch.

    Attributes:
        values: `(batch,)`, squared Jacobian norms.
        weights: `(batch,)` sample weights, or None.
    """

    values: Any
    weights: Any

    @property
    def mean(self):
        """This replica's share of the weighted mean over the global batch."""
        weights = self.weights
        if weights is None:
            weights = ops.ones_like(self.values)
        weights = ops.cast(weights, self.values.dtype)
        total = backend.replica_sum(ops.sum(weights))
        return ops.divide_no_nan(ops.sum(weights * self.values), total)


def _first(x):
    return next(leaf for leaf in keras.tree.flatten(x) if leaf is not None)
