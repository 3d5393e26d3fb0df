"""GC as a term of the loss, for whoever writes a train step of her own."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from keras_gc import keras_seam


class GCLoss(keras_seam.Mixin):
    """The part of `GCModel` that a `train_step` of one's own calls."""

    _step: Any = None

    def gc_loss(
        self, x: Any, sample_weight: Any = None, loss: Any = None
    ) -> Any:
        """Return `gc_weight * GC` of a batch, to be added to a loss.

        For a `train_step` of your own that does not call
        `super().train_step`; there, and in an evaluation, it is 0, because
        GC is added by itself, or not part of the loss. `gc` in the logs is
        updated. It costs a forward pass more than `GCModel`'s own step, which
        uses one for both. Heuristics act in `super().train_step` alone.

        On JAX a train step is a function without side effects: call
        `stateless_gc_loss` there.

        Args:
            x: the model's input, tensors.
            sample_weight: as in `keras.Model.fit`. Defaults to None.
            loss: scalar tensor, the loss without GC, needed with `gc_target`
                alone, whose weight follows both. Defaults to None.

        Returns:
            A scalar tensor. 0 without a weight: GC is watched, as often as
            `gc_fraction` says.

        Raises:
            ValueError: if the model is not compiled, there is a target and
                no `loss`, or on JAX outside of `stateless_gc_loss`.

        Example (TensorFlow):

            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(x, y, y_pred) + self.gc_loss(x)
        """
        step = self._step
        if step is None:
            raise ValueError("You must call `compile()` before `gc_loss()`.")
        if step.adds_gc or step.is_evaluating or keras_seam.is_symbolic():
            return ops.zeros(())
        self._check_scope()
        step.has_stepped = True
        if not step.is_penalised:
            if step.watch.looks:
                step.watch.in_training((x, None, sample_weight))
            return ops.zeros(())
        if loss is None and step.penalty.has_target:
            raise ValueError(
                "With `gc_target` the weight follows the loss as well as GC: "
                "call `gc_loss(x, loss=loss)`, with the loss without GC."
            )
        return self._penalise(x, sample_weight, loss)

    def _penalise(self, x, sample_weight, loss):
        step = self._step
        x, _, sample_weight = step.unpack((x, None, sample_weight))
        share = step.settings.share_of_penalty
        gc = step.measure(x, sample_weight, step.tracker.seed, share)
        # A copy: on torch the target changes the weight itself, in place.
        penalty = ops.cast(ops.copy(step.weight), gc.mean.dtype) * gc.mean
        step.first_batch.note(x)
        step.tracker.add(*gc.sums)
        if step.penalty.has_target:
            with_gc = loss + ops.cast(penalty, loss.dtype)
            step.penalty.follow(gc, with_gc, self.optimizer)
        return penalty

    def stateless_gc_loss(
        self,
        trainable_variables: list,
        non_trainable_variables: list,
        metrics_variables: list,
        x: Any,
        sample_weight: Any = None,
        loss: Any = None,
        optimizer_variables: Any = (),
    ) -> tuple:
        """Return `gc_loss` and the values of the metrics' variables after it.

        For a `train_step` of your own on JAX, inside the function that
        `jax.value_and_grad` differentiates.

        Args:
            trainable_variables: list of values, as `train_step` is given.
            non_trainable_variables: list, likewise.
            metrics_variables: list, likewise.
            x: the model's input, tensors.
            sample_weight: as in `keras.Model.fit`. Defaults to None.
            loss: scalar tensor, the loss without GC, needed with `gc_target`
                alone. Defaults to None.
            optimizer_variables: list of values, needed where `gc_weight` is a
                schedule. Defaults to none.

        Returns:
            `(gc_loss, metrics_variables)`: a scalar, and a list of values.

        Raises:
            ValueError: as `gc_loss`.

        Example:
        >>> import keras, keras_gc
        >>> layer = keras.layers.Dense(2, kernel_initializer="ones")
        >>> model = keras_gc.GCSequential([keras.Input((3,)), layer])
        >>> model.compile("sgd", "mse", gc_weight=0.5)
        >>> def values(variables):
        ...     return [v.value for v in variables]
        >>> gc_loss, metrics_variables = model.stateless_gc_loss(
        ...     values(model.trainable_variables),
        ...     values(model.non_trainable_variables),
        ...     values(model.metrics_variables),
        ...     keras.ops.ones((4, 3)),
        ... )
        >>> gc_loss = float(keras.ops.convert_to_numpy(gc_loss))
        >>> print(f"{gc_loss:.1f}")  # 0.5 * ||ones((2, 3))||^2
        3.0
        """
        # State is a constant: moving statistics that the pass for the loss has
        # updated carry no gradient.
        state = [ops.stop_gradient(value) for value in non_trainable_variables]
        groups = [
            (self.trainable_variables, trainable_variables),
            (self.non_trainable_variables, state),
            (self.metrics_variables, metrics_variables),
        ]
        if optimizer_variables:
            groups.append((self.optimizer.variables, optimizer_variables))
        mapping = [
            pair for group in groups for pair in zip(*group, strict=True)
        ]
        with keras.StatelessScope(mapping) as scope:
            gc_loss = self.gc_loss(x, sample_weight, loss)
        return gc_loss, [
            scope.get_current_value(v) for v in self.metrics_variables
        ]

    def _check_scope(self):
        """Raise on JAX if `gc_loss` would read constants for what it needs."""
        if keras.config.backend() != "jax":
            return
        needed = [*self.trainable_variables, *self._step.tracker.variables]
        if self._step.penalty.has_schedule:
            needed.append(self.optimizer.iterations)
        scope = keras_seam.active_scope()
        if scope is None or any(
            scope.get_current_value(v) is None for v in needed
        ):
            raise ValueError(
                "On JAX a train step is given the values of all variables, and "
                "`gc_loss` does not see them by itself: call "
                "`gc, metrics_variables = self.stateless_gc_loss("
                "trainable_variables, non_trainable_variables, "
                "metrics_variables, x)` inside the function that "
                "`jax.value_and_grad` differentiates, with "
                "`optimizer_variables=...` where `gc_weight` is a schedule."
            )


@contextlib.contextmanager
def adding_gc(step: Any) -> Iterator[None]:
    """In the block GC is added by itself, and `gc_loss` is 0.

    Args:
        step: the model's `GCStep`.

    Yields:
        None.
    """
    before, step.adds_gc = step.adds_gc, True
    try:
        yield
    finally:
        step.adds_gc = before
