"""GC in the hooks of `keras.Model`: `compile`, `fit` and the steps."""

import warnings
from collections.abc import Sequence
from typing import Any

import keras

from keras_gc import backend, keras_seam
from keras_gc.models.gc_loss import GCLoss, adding_gc
from keras_gc.models.gc_settings import GCSettings
from keras_gc.models.gc_tracker import ONLY_IN_TRAINING, GCTracker
from keras_gc.models.monitors import minimise_gc
from keras_gc.models.signatures import extends
from keras_gc.models.step import GCStep
from keras_gc.models.tracing import Tracing
from keras_gc.models.training_mode import mixes_examples


class GCTrainer(Tracing, GCLoss, keras_seam.SpeaksInScalars):
    """The part that `GCModel` and `GCSequential` have in common.

    Without a weight, the metric and heuristics each method hands over to
    `keras.Model`.
    """

    not_in_scalars = ("gc", *ONLY_IN_TRAINING)
    _step: GCStep | None = None

    @extends(keras.Model.compile)
    def compile(
        self,
        *args: Any,
        gc_weight: Any = 0.0,
        gc_target: float | None = None,
        gc_estimator: Any = "auto",
        gc_inputs: str | Sequence[str] | None = None,
        gc_outputs: str | None = None,
        gc_input_scale: Any = None,
        gc_fraction: float | str = "auto",
        gc_training: bool = False,
        gc_metric: bool | str = "auto",
        heuristics: Sequence = (),
        **kwargs: Any,
    ) -> None:
        """Configure the model for training; `keras.Model.compile` and more.

        GC of a batch is the mean over its examples, weighted by
        `sample_weight` and `class_weight` where these are given.

        Args:
            *args: as in `keras.Model.compile`.
            gc_weight: float >= 0, a `keras.Variable` (which a callback may
                change between epochs), or a schedule `step -> weight`, as a
                `keras.optimizers.schedules.LearningRateSchedule` is: the
                factor of GC in the loss. A step is `optimizer.iterations`:
                the updates of the weights so far, those of earlier fits too.
                Defaults to 0: GC is only watched.
            gc_target: float > 0, GC of the training batches is held at or
                below it, instead of a weight: the weight follows by itself,
                is 0 as long as GC stays below, and is shown as `gc_weight`.
                It takes some hundred steps to settle; if the loss stops
                falling meanwhile, a warning says so. A step costs as much as
                with a weight. Defaults to None.
            gc_estimator: `"auto"`, a name or a `keras_gc.estimators`
                instance, of which a copy is used. Defaults to `"auto"`, which
                is one random probe per example, for `val_gc` and `evaluate`
                too; `geometric_complexity` is exact up to 32 outputs.
            gc_inputs: str or list of str, names of layers to measure from
                (the embedding of a token model). Defaults to the model's
                real inputs.
            gc_outputs: str, name of a layer to measure to (embedding GC).
                Defaults to the logits.
            gc_input_scale: number or array that broadcasts against the shape
                of one example, or a list or dict of them like the inputs: the
                unit s in which inputs are counted, so that GC is that with
                respect to x / s. With the standard deviation of each column,
                GC has no units of inputs; where it is 0, a column is left
                out. Defaults to None: inputs as they come.
            gc_fraction: float in (0, 1], share of the training examples that
                GC is computed on: of each batch where GC is penalised, else
                all examples of every so many batches, the first of an epoch
                among them (`train_on_batch` begins an epoch with each call,
                and measures each batch). The estimate stays unbiased if the
                data are shuffled, and its cost falls in proportion. Defaults to
                `"auto"`: 1 where GC is penalised or an estimator is named,
                else 1/16.
            gc_training: bool, compute GC with layers in training mode. With
                BatchNormalization this is not the GC of single examples.
                Defaults to False.
            gc_metric: bool, show `gc` in logs and History. Defaults to
                `"auto"`: where it can be measured; where it cannot, and
                neither a weight nor another `gc_` argument asks for it, one
                warning says why and the model trains as `keras.Model`.
            heuristics: list of `keras_gc.heuristics`. Defaults to none.
            **kwargs: as in `keras.Model.compile`.

        Raises:
            TypeError: if an argument is of a wrong type.
            ValueError: if an argument is out of its range, or names no layer,
                or both a weight and a target are given.
        """
        settings = GCSettings(
            gc_weight=gc_weight,
            gc_target=gc_target,
            gc_estimator=gc_estimator,
            gc_inputs=gc_inputs,
            gc_outputs=gc_outputs,
            gc_input_scale=gc_input_scale,
            gc_fraction=gc_fraction,
            gc_training=gc_training,
            gc_metric=gc_metric,
            heuristics=heuristics,
        )
        super().compile(*args, **kwargs)
        # Past Keras's tracking of attributes, which would keep the metrics of
        # earlier compiles; the property `metrics` adds the current one.
        step = self.__dict__["_step"] = GCStep(self, settings)
        if self.built and step.is_asked_for:
            step.network  # noqa: B018 - a wrong name is told here
            step.build_estimator()  # before JAX takes the state, if possible
        step.penalty.prepare()
        step.check_jit()
        if settings.gc_training and mixes_examples(self):
            warnings.warn(
                "With `gc_training=True` and BatchNormalization the examples "
                "of a batch depend on each other, and GC is not that of "
                "single examples (it can be several times smaller). "
                "`gc_training=False` measures with the moving statistics.",
                stacklevel=2,
            )

    @extends(keras.Model.fit)
    def fit(
        self,
        *args: Any,
        gc_weight: Any = None,
        gc_target: float | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Train; `keras.Model.fit` with a weight or a target for GC.

        Args:
            *args: as in `keras.Model.fit`.
            gc_weight: float >= 0, `keras.Variable` or schedule
                `step -> weight`, instead of `compile`'s for this fit alone.
                Defaults to None: `compile`'s.
            gc_target: float > 0, hold GC of the training batches at or below
                it, likewise. Defaults to None: `compile`'s.
            **kwargs: as in `keras.Model.fit`.

        Returns:
            A `History`, with `gc` and `val_gc` beside `loss` and `val_loss`,
            and with a target `gc_weight`, the mean weight of each epoch.
            `loss` includes the penalty; `val_loss` does not, and
            `loss_without_gc` is what to compare it with.

        Raises:
            TypeError: if the weight is of a wrong type, or inputs have no
                derivative and GC was asked for.
            ValueError: if the weight is negative or the target not positive,
                both are given, the model is not compiled, or GC was asked for
                and cannot be measured.
        """
        if self._step is None:
            if gc_weight is not None or gc_target is not None:
                raise ValueError(
                    "You must call `compile()` before `fit(gc_weight=...)` or "
                    "`fit(gc_target=...)`."
                )
            return super().fit(*args, **kwargs)  # says that it must be compiled
        minimise_gc(kwargs.get("callbacks"))
        with self._step.penalty.of_fit(gc_weight, gc_target):
            return super().fit(*args, **kwargs)

    @extends(keras.Model.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate as `keras.Model`; `gc` is shown, `gc_weight` is not."""
        if self._step is None:
            return super().evaluate(*args, **kwargs)
        with self._step.evaluating():
            return super().evaluate(*args, **kwargs)

    def train_step(self, *args: Any) -> Any:
        """Take one step down `L + gc_weight * GC`."""
        step = self._step
        if step is None:
            return super().train_step(*args)
        if step.watch.looks:
            args = backend.run_beside(self, step.watch.in_training, *args)
        with adding_gc(step):
            if step.changes_training:
                return backend.run_step(self, step.train, *args)
            return super().train_step(*args)

    def test_step(self, *args: Any) -> Any:
        """Evaluate one batch, GC included."""
        step = self._step
        if step is not None and step.is_shown:
            args = backend.run_beside(self, step.watch.in_evaluation, *args)
        if step is None:
            return super().test_step(*args)
        with step.evaluating():
            return super().test_step(*args)

    def reset_metrics(self) -> None:
        """Begin an epoch; say if a target has ruined those before."""
        if self._step is not None:
            self._step.penalty.look_back()
            self._step.watch.batches = 0
        super().reset_metrics()

    @property
    def gc_settings(self) -> GCSettings | None:
        """What `compile` was told about GC; None before it."""
        return None if self._step is None else self._step.settings

    @property
    def gc_tracker(self) -> GCTracker | None:
        """The metric `gc` and the state beside it; None before `compile`."""
        return None if self._step is None else self._step.tracker

    @property
    def metrics(self) -> list:
        """The metrics of `keras.Model`, and `gc`."""
        metrics = super().metrics
        step = self._step
        if step is not None and (
            step.settings.gc_metric or step.changes_training
        ):
            metrics.append(step.tracker)
            if step.penalty.has_target:
                metrics.append(step.tracker.target)
            if step.is_penalised and self._takes_our_step:
                metrics.append(step.tracker.loss_without_gc)
        return metrics

    @property
    def _takes_our_step(self):
        # One of the user's own knows the loss without GC, and we do not.
        return type(self).train_step is GCTrainer.train_step

    def get_metrics_result(self) -> dict:
        """Return the metrics' values; without `gc` if it is not shown."""
        result, step = super().get_metrics_result(), self._step
        for name in () if step is None else step.hidden:
            result.pop(name, None)  # a user's `metrics` may lack it
        return result

    def get_compile_config(self) -> dict:
        """Return the arguments of `compile`, serialized."""
        config = super().get_compile_config()
        if config and self._step is not None:
            config.update(self._step.settings.serialize())
        return config

    def compile_from_config(self, config: dict) -> None:
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
