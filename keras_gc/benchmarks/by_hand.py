"""Penalties as a user would write them without this package, to compare with.

Each is a `train_step` of Keras's own form. None of them watches for layers
that differ in training, for dtypes or for sample weights.
"""

from collections.abc import Callable

import keras

_WEIGHT = 1e-3


def penalised(model: keras.Model, exact: bool) -> keras.Model:
    """Return a model on the same layers, with a penalty written by hand.

    TensorFlow: `batch_jacobian`, or one Rademacher probe and a tape. JAX:
    `jax.vmap(jax.jacrev(...))`, or one probe and `jax.vjp`. torch: gradients of
    all logits, or of one projection on the sphere (Hoffman, Roberts, Yaida
    2019, arXiv 1908.02729, Algorithm 1).

    Args:
        model: functional `keras.Model` without state beside its weights (no
            BatchNormalization or dropout).
        exact: bool, the whole Jacobian instead of one projection.

    Returns:
        A `keras.Model` that shares the layers.
    """
    train_step = {
        "tensorflow": _tensorflow_step,
        "jax": _jax_step,
        "torch": _torch_step,
    }[keras.config.backend()](exact)
    by_hand = type("ByHand", (keras.Model,), {"train_step": train_step})
    return by_hand(model.inputs, model.outputs[0])


def _tensorflow_step(exact: bool) -> Callable:
    import tensorflow as tf

    def train_step(self, data):
        x, y, *_ = data
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(x)
                logits = self(x, training=True)
                if not exact:
                    bits = tf.random.uniform(tf.shape(logits), 0, 2, tf.int32)
                    probe = 2 * tf.cast(bits, logits.dtype) - 1
                    projected = tf.reduce_sum(probe * logits)
            jacobian = (
                inner.batch_jacobian(logits, x)
                if exact
                else inner.gradient(projected, x)
            )
            squares = tf.reduce_sum(tf.square(jacobian))
            penalty = squares / tf.cast(tf.shape(x)[0], squares.dtype)
            loss = self.compute_loss(x, y, logits) + _WEIGHT * penalty
        weights = self.trainable_variables
        gradients = outer.gradient(loss, [v.value for v in weights])
        self.optimizer.apply(gradients, weights)
        return {"loss": loss}

    return train_step


def _jax_step(exact: bool) -> Callable:
    import jax

    def train_step(self, state, data):
        weights, others, optimizer_state, metrics = state
        x, y, *_ = data
        key = jax.random.fold_in(jax.random.key(0), optimizer_state[0])

        def loss_of(weights):
            def call(x):
                return self.stateless_call(weights, others, x)[0]

            if exact:
                logits = call(x)
                jacobian = jax.vmap(jax.jacrev(lambda row: call(row[None])[0]))(
                    x
                )
            else:
                logits, pullback = jax.vjp(call, x)
                (jacobian,) = pullback(
                    jax.random.rademacher(key, logits.shape, logits.dtype)
                )
            penalty = (jacobian**2).sum() / len(x)
            return self.compute_loss(x, y, logits) + _WEIGHT * penalty

        loss, gradients = jax.value_and_grad(loss_of)(weights)
        weights, optimizer_state = self.optimizer.stateless_apply(
            optimizer_state, gradients, weights
        )
        return {"loss": loss}, (weights, others, optimizer_state, metrics)

    return train_step


def _torch_step(exact: bool) -> Callable:
    import torch

    def train_step(self, data):
        x, y, *_ = data
        x = x.detach().requires_grad_()
        logits = self(x, training=True)
        batch, num_outputs = logits.shape
        if exact:
            units = torch.eye(num_outputs, device=x.device)
            vectors = [unit.expand(batch, -1) for unit in units]
        else:
            vector = torch.randn(batch, num_outputs, device=x.device)
            # Of length 1: the published estimate is K times the square.
            vector = vector / vector.norm(dim=1, keepdim=True)
            vectors = [num_outputs**0.5 * vector]
        penalty = 0.0
        for vector in vectors:
            (product,) = torch.autograd.grad(
                logits, x, vector, create_graph=True
            )
            penalty = penalty + product.square().sum() / batch
        loss = self.compute_loss(x, y, logits) + _WEIGHT * penalty
        self.zero_grad()
        loss.backward()
        weights = self.trainable_weights
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in weights], weights)
        return {"loss": loss.detach()}

    return train_step
