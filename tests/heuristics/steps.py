"""Models whose train steps can be computed by hand."""

import keras
import numpy as np
from keras import ops

import keras_gc

# Keras's torch trainer compiles through torch.compile, which has no double
# backward; keras_gc refuses it there.
MODES = [{"run_eagerly": True}, {"jit_compile": False}]
if keras.config.backend() != "torch":
    MODES.append({"jit_compile": True})
CROSSENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def data(examples=12, features=5, classes=3):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(examples, features)).astype("float32")
    return x, rng.integers(0, classes, examples)


def classifier(heuristics=(), hidden=(), first=(), **arguments):
    """A tanh network, the same at each call; its step is its gradient."""
    keras.utils.set_random_seed(7)
    model = keras_gc.GCSequential([
        keras.Input((5,)),
        *first,
        keras.layers.Dense(8, activation="tanh"),
        *hidden,
        keras.layers.Dense(3),
    ])  # fmt: skip
    defaults = {"optimizer": keras.optimizers.SGD(1.0), "loss": CROSSENTROPY}
    model.compile(**{**defaults, "heuristics": heuristics, **arguments})
    return model


def weights(model):
    return [
        ops.convert_to_numpy(v).astype("float64")
        for v in model.trainable_variables
    ]


def set_weights(model, values):
    for variable, value in zip(model.trainable_variables, values, strict=True):
        variable.assign(value)


def gradients(model, x, y):
    """What one step of SGD(1.0) subtracts."""
    before = weights(model)
    model.train_on_batch(x, y)
    return [b - a for b, a in zip(before, weights(model), strict=True)]


def assert_close(arrays, others, **tolerances):
    for one, other in zip(arrays, others, strict=True):
        np.testing.assert_allclose(one, other, **tolerances)


class LinearRegression:
    """L(w) = mean (x w - y)^2 + (l2 + gc_weight) ||w||^2, in float64.

    The GC of x -> x w is ||w||^2, so that the objective is a quadratic.
    """

    L2, GC_WEIGHT = 0.05, 0.1

    def __init__(self, examples=12, features=5):
        rng = np.random.default_rng(1)
        self.x = rng.normal(size=(examples, features))
        self.y = rng.normal(size=(examples, 1))
        self.start = rng.normal(size=(features, 1))

    def part(self, rows):
        part = LinearRegression()
        part.x, part.y, part.start = self.x[rows], self.y[rows], self.start
        return part

    @property
    def hessian(self):
        penalty = 2 * (self.L2 + self.GC_WEIGHT) * np.eye(self.x.shape[1])
        return 2 / len(self.x) * self.x.T @ self.x + penalty

    def loss(self, w):
        penalty = (self.L2 + self.GC_WEIGHT) * np.sum(w**2)
        return np.mean((self.x @ w - self.y) ** 2) + penalty

    def gradient(self, w):
        return self.hessian @ w - 2 / len(self.x) * self.x.T @ self.y

    def model(self, heuristics, **arguments):
        layer = keras.layers.Dense(
            1, use_bias=False, kernel_regularizer=keras.regularizers.L2(self.L2)
        )
        model = keras_gc.GCSequential([keras.Input((self.x.shape[1],)), layer])
        defaults = {"optimizer": keras.optimizers.SGD(1.0), "loss": "mse"}
        model.compile(
            **{**defaults, **arguments},
            gc_weight=self.GC_WEIGHT,
            gc_estimator="exact_reverse",
            heuristics=heuristics,
        )
        model.set_weights([self.start])
        return model

    def step(self, heuristics, **arguments):
        """The logs and the gradient of one step."""
        model = self.model(heuristics, **arguments)
        logs = model.train_on_batch(self.x, self.y, return_dict=True)
        return logs, self.start - weights(model)[0]


def assert_normal(values):
    """Mean 0 and variance 1 within 5 standard errors each.

    Of runs with the right distribution, one in a million fails.
    """
    count = values.size
    assert abs(values.mean()) <= 5 / np.sqrt(count)
    assert abs(values.var() - 1) <= 5 * np.sqrt(2 / count)
