"""Small networks twice: in Keras, and as float64 arrays to differentiate.

The numpy version is a list of steps `(affine, activation)`, with `affine` a
function of `(weights, inputs)` of one example. Derivatives are central
differences, which are exact for what is linear.
"""

import math

import keras
import numpy as np

STEP = 1e-5


def mlp(activation="relu", units=(6, 5, 3), num_inputs=4):
    """A Keras MLP with random weights and biases, and its steps."""
    layers = [
        keras.layers.Dense(n, activation, name=f"dense_{i}")
        for i, n in enumerate(units)
    ]
    layers[-1].activation = keras.activations.linear
    model = keras.Sequential([keras.Input((num_inputs,)), *layers])
    randomize(model)
    names = [layer.name for layer in layers]
    return model, Network(model, names, [dense] * len(units), activation)


def cnn(activation="relu"):
    """A Keras CNN (strided, zero-padded), and its steps."""
    model = keras.Sequential([
        keras.Input((5, 4, 2)),
        keras.layers.Conv2D(
            3, 3, 2, padding="same", activation=activation, name="conv"
        ),
        keras.layers.Flatten(),
        keras.layers.Dense(4, activation, name="hidden"),
        keras.layers.Dense(3, name="logits"),
    ])
    randomize(model)
    names = ["conv", "hidden", "logits"]
    steps = [convolution, flat_dense, dense]
    return model, Network(model, names, steps, activation)


def randomize(model, scale=0.5):
    """Give all weights random values (biases too, unlike initializers)."""
    rng = np.random.default_rng(0)
    model.set_weights([
        scale * rng.normal(size=w.shape) for w in model.get_weights()
    ])


class Network:
    """The numpy twin of a model."""

    def __init__(self, model, names, affine, activation):
        self.names = names
        self.weights = [
            [w.astype("float64") for w in model.get_layer(name).get_weights()]
            for name in names
        ]
        self.affine = affine
        self.activation = {
            "relu": lambda z: np.maximum(z, 0),
            "tanh": np.tanh,
            "linear": lambda z: z,
        }[activation]

    def inputs_of(self, index, x):
        """h of layer `index`, flat."""
        h = x
        for i in range(index):
            h = self.activation(self.affine[i](self.weights[i], h))
        return h

    def from_z(self, index, z):
        """The logits, where layer `index` puts out z."""
        for i in range(index, len(self.names)):
            if i > index:
                z = self.affine[i](self.weights[i], self.activation(z))
        return z

    def z(self, index, h):
        return self.affine[index](self.weights[index], h)

    def logits(self, x):
        return self.from_z(0, self.z(0, x))

    def jacobian(self, x):
        """df/dx, `(K, d)`."""
        return jacobian(self.logits, x)

    def layer_jacobian(self, index, x):
        """df / d(weights of layer `index`), `(K, number of weights)`."""
        own = self.weights[index]
        sizes = np.cumsum([w.size for w in own])[:-1]

        def logits(flat):
            parts = np.split(flat, sizes)
            weights = [
                part.reshape(w.shape)
                for part, w in zip(parts, own, strict=True)
            ]
            h = self.inputs_of(index, x)
            return self.from_z(index, self.affine[index](weights, h))

        return jacobian(logits, np.concatenate([w.ravel() for w in own]))


def jacobian(fn, point):
    """Central differences of a function of arrays, `(outputs, inputs)`."""
    columns = []
    for unit in np.eye(point.size):
        step = STEP * unit.reshape(point.shape)
        change = fn(point + step) - fn(point - step)
        columns.append(change.ravel() / (2 * STEP))
    return np.stack(columns, axis=1)


def squared(matrix):
    return np.sum(matrix**2)


def norm(matrix):
    return np.linalg.svd(matrix, compute_uv=False)[0]


def dense(weights, h):
    kernel, bias = weights
    return h @ kernel + bias


def flat_dense(weights, h):
    return dense(weights, h.ravel())


def convolution(weights, h, stride=2):
    """Cross-correlation with padding "same", as in Keras."""
    kernel, bias = weights
    size = kernel.shape[0]
    out = [math.ceil(n / stride) for n in h.shape[:2]]
    pads = [
        max((o - 1) * stride + size - n, 0)
        for o, n in zip(out, h.shape[:2], strict=True)
    ]
    h = np.pad(h, [*((p // 2, p - p // 2) for p in pads), (0, 0)])
    z = np.empty((*out, kernel.shape[-1]))
    for i in range(out[0]):
        for j in range(out[1]):
            a, b = i * stride, j * stride
            patch = h[a : a + size, b : b + size]
            z[i, j] = np.tensordot(patch, kernel, 3) + bias
    return z
