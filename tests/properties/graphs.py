"""Random small functional graphs, on Keras and on numpy in float64.

A graph is plain data; `walk` goes through it and an interpreter says what its
parts do. One interpreter builds a Keras model, the other computes in numpy.
"""

import dataclasses
import math

import keras
import numpy as np
from hypothesis import strategies as st
from keras import layers

LENGTH = 3  # steps of a sequence
TOKENS = 5
KINDS = (
    "vector", "integers", "sequence", "padded", "tokens", "padded_tokens",
)  # fmt: skip
ACTIVATIONS = {
    "linear": lambda z: z,
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "relu": lambda z: np.maximum(z, 0),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "softplus": lambda z: np.logaddexp(z, 0),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "gelu": lambda z: z * (1 + np.vectorize(math.erf)(z / 2**0.5)) / 2,
}
HEADS = ("linear", "softmax", "softmax_layer", "sigmoid", "sigmoid_layer")
_HEADS_OF_ONE = ("linear", "sigmoid", "sigmoid_layer")


@dataclasses.dataclass(frozen=True)
class Graph:
    """A model as data.

    Attributes:
        inputs: the kind of each input; node i is what enters from input i.
        nodes: `(what, nodes that go in, detail)`, in order.
        heads: `(kind, node, number of outputs)`, one for each output.
        width: number of features of every node.
        dtype: of the model.
        seed: of weights and data.
    """

    inputs: tuple
    nodes: tuple
    heads: tuple
    width: int
    dtype: str
    seed: int

    @property
    def measured_from(self):
        """The inputs that GC is taken from: real ones, else embeddings."""
        real = [i for i, k in enumerate(self.inputs) if "tokens" not in k]
        return real or list(range(len(self.inputs)))

    @property
    def inputs_argument(self):
        """The argument `inputs` of the measuring functions."""
        names = [
            f"embedding_{i}"
            for i in self.measured_from
            if "tokens" in self.inputs[i]
        ]
        return names or None

    @property
    def num_outputs(self):
        """K, all outputs of an example together, masked ones too."""
        forms = forms_of(self)
        return sum(
            units * (LENGTH if forms[node][0] == "sequence" else 1)
            for _, node, units in self.heads
        )


def forms_of(graph):
    """Return ("vector" or "sequence", whose mask it carries) of each node."""
    forms = []
    for index, kind in enumerate(graph.inputs):
        is_flat = kind in {"vector", "integers"}
        mask = index if kind.startswith("padded") else None
        forms.append(("vector" if is_flat else "sequence", mask))
    for what, sources, _ in graph.nodes:
        form = forms[sources[0]]
        forms.append(
            ("vector", None) if what in {"pool", "flatten", "join"} else form
        )
    return forms


@st.composite
def graphs(draw, kinds=KINDS, heads=HEADS, max_nodes=5):
    """Draw a graph: inputs, layers that branch, merge and are shared, heads."""
    inputs = tuple(
        draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3))
    )
    width = draw(st.integers(3, 4))
    nodes = []

    def forms():
        return forms_of(Graph(inputs, tuple(nodes), (), width, "", 0))

    for _ in range(draw(st.integers(1, max_nodes))):
        source = draw(st.integers(0, len(forms()) - 1))
        form, mask = forms()[source]
        options = ["dense", "shared", "normalization", "activation"]
        if form == "sequence":
            options.append("pool")
            options += [] if mask is not None else ["conv", "flatten"]
        alike = [i for i, f in enumerate(forms()) if f == (form, mask)]
        options += ["add", "multiply", "concatenate"]
        what = draw(st.sampled_from(options))
        sources, detail = (source,), draw(st.sampled_from(sorted(ACTIVATIONS)))
        if what in {"add", "multiply", "concatenate"}:
            sources = (source, draw(st.sampled_from(alike)))
        if what == "conv":
            detail = draw(st.sampled_from(("same", "causal")))
        nodes.append((what, sources, detail))
    used = {source for _, sources, _ in nodes for source in sources}
    loose = tuple(i for i in range(len(forms())) if i not in used)
    if len(loose) > 1 and draw(st.booleans()):
        nodes.append(("join", loose, draw(st.sampled_from(("tanh", "gelu")))))
    last = len(forms()) - 1
    ends = [(last, draw(st.integers(2, 3)))]
    if draw(st.booleans()):
        ends.append((draw(st.integers(0, last)), draw(st.integers(1, 3))))
    ends = [
        (
            draw(st.sampled_from(heads if units > 1 else _HEADS_OF_ONE)),
            node,
            units,
        )
        for node, units in ends
    ]
    dtype = draw(st.sampled_from(("float32", "float64")))
    seed = draw(st.integers(0, 2**16))
    graph = Graph(inputs, tuple(nodes), tuple(ends), width, dtype, seed)
    return _without_loose_ends(graph)


def _without_loose_ends(graph):
    """The graph without inputs and nodes that reach no head."""
    kept, waiting = set(), [node for _, node, _ in graph.heads]
    while waiting:
        node = waiting.pop()
        kept.add(node)
        if node >= len(graph.inputs):
            waiting += graph.nodes[node - len(graph.inputs)][1]
    place = {node: index for index, node in enumerate(sorted(kept))}
    shift = len(graph.inputs)
    return dataclasses.replace(
        graph,
        inputs=tuple(k for i, k in enumerate(graph.inputs) if i in kept),
        nodes=tuple(
            (what, tuple(place[s] for s in sources), detail)
            for i, (what, sources, detail) in enumerate(graph.nodes)
            if i + shift in kept
        ),
        heads=tuple((k, place[node], units) for k, node, units in graph.heads),
    )


def reaches_all(graph):
    """Whether the heads depend on each of the inputs."""
    return len(_without_loose_ends(graph).inputs) == len(graph.inputs)


def walk(graph, on, leaves):
    """Return the outputs of a graph, as an interpreter computes them."""
    nodes = [
        getattr(on, f"enter_{kind}")(index, leaf)
        for index, (kind, leaf) in enumerate(
            zip(graph.inputs, leaves, strict=True)
        )
    ]
    for index, (what, sources, detail) in enumerate(graph.nodes):
        arguments = [nodes[source] for source in sources]
        name = f"node_{index}_{what}"  # Keras itself takes "concatenate_1"
        nodes.append(getattr(on, what)(name, arguments, detail))
    return [
        on.head(f"head_{index}", nodes[node], kind, units)
        for index, (kind, node, units) in enumerate(graph.heads)
    ]


class OnKeras:
    """Builds layers, each with the graph's dtype; a name means one layer."""

    def __init__(self, graph):
        self.graph = graph
        self.made = {}

    def layer(self, kind, name, *args, **kwargs):
        if name not in self.made:
            kwargs = {"dtype": self.graph.dtype, "name": name, **kwargs}
            self.made[name] = kind(*args, **kwargs)
        return self.made[name]

    def _dense(self, name, x, units, activation):
        return self.layer(layers.Dense, name, units, activation)(x)

    def enter_vector(self, index, x):
        return self._dense(f"entry_{index}", x, self.graph.width, "tanh")

    enter_integers = enter_sequence = enter_vector

    def enter_padded(self, index, x):
        return self.enter_vector(
            index, self.layer(layers.Masking, f"masking_{index}")(x)
        )

    def enter_tokens(self, index, x, mask_zero=False):
        name = f"embedding_{index}"
        return self.layer(
            layers.Embedding, name, TOKENS, self.graph.width,
            mask_zero=mask_zero,
        )(x)  # fmt: skip

    def enter_padded_tokens(self, index, x):
        return self.enter_tokens(index, x, mask_zero=True)

    def dense(self, name, xs, activation):
        return self._dense(name, xs[0], self.graph.width, activation)

    def shared(self, name, xs, activation):
        return self._dense("shared", xs[0], self.graph.width, "tanh")

    def normalization(self, name, xs, _):
        return self.layer(layers.LayerNormalization, name)(xs[0])

    def activation(self, name, xs, activation):
        return self.layer(layers.Activation, name, activation)(xs[0])

    def pool(self, name, xs, _):
        return self.layer(layers.GlobalAveragePooling1D, name)(xs[0])

    def flatten(self, name, xs, activation):
        flat = self.layer(layers.Flatten, f"{name}_all")(xs[0])
        return self._dense(name, flat, self.graph.width, activation)

    def conv(self, name, xs, padding):
        return self.layer(
            layers.Conv1D, name, self.graph.width, 2, padding=padding,
            activation="tanh",
        )(xs[0])  # fmt: skip

    def add(self, name, xs, _):
        return self.layer(layers.Add, name)(xs)

    def multiply(self, name, xs, _):
        return self.layer(layers.Multiply, name)(xs)

    def concatenate(self, name, xs, activation):
        both = self.layer(layers.Concatenate, f"{name}_both")(xs)
        return self._dense(name, both, self.graph.width, activation)

    def join(self, name, xs, activation):
        flat = [
            x
            if len(x.shape) == 2
            else self.pool(f"{name}_pool_{index}", [x], None)
            for index, x in enumerate(xs)
        ]
        return self.concatenate(name, flat, activation)

    def head(self, name, x, kind, units):
        if not kind.endswith("_layer"):
            return self._dense(name, x, units, kind)
        x = self._dense(name, x, units, "linear")
        kind = kind.removesuffix("_layer")
        return self.layer(layers.Activation, f"{name}_{kind}", kind)(x)


class OnNumpy:
    """Computes logits; a node is an array and its mask (or None).

    Args:
        graph: the graph.
        weights: dict of layer names to lists of arrays.
        masks: for each input its mask, or None.
    """

    def __init__(self, graph, weights, masks):
        self.graph = graph
        self.weights = weights
        self.masks = masks

    def _dense(self, name, x, activation):
        kernel, bias = self.weights[name]
        return ACTIVATIONS[activation](x @ kernel + bias)

    def enter_vector(self, index, x):
        return self._dense(f"entry_{index}", x, "tanh"), None

    enter_integers = enter_sequence = enter_vector

    def enter_padded(self, index, x):
        mask = self.masks[index]
        return self.enter_vector(index, x * mask[..., None])[0], mask

    def enter_tokens(self, index, x):
        if index not in self.graph.measured_from:
            x = self.weights[f"embedding_{index}"][0][x]
        return x, self.masks[index]

    enter_padded_tokens = enter_tokens

    def dense(self, name, nodes, activation):
        x, mask = nodes[0]
        return self._dense(name, x, activation), mask

    def shared(self, name, nodes, _):
        return self.dense("shared", nodes, "tanh")

    def normalization(self, name, nodes, _):
        x, mask = nodes[0]
        scale, shift = self.weights[name]
        x = x - x.mean(axis=-1, keepdims=True)
        variance = (x**2).mean(axis=-1, keepdims=True)
        return scale * x / np.sqrt(variance + 1e-3) + shift, mask

    def activation(self, name, nodes, activation):
        x, mask = nodes[0]
        return ACTIVATIONS[activation](x), mask

    def pool(self, name, nodes, _):
        x, mask = nodes[0]
        share = np.ones(x.shape[:2]) if mask is None else mask
        share = share / share.sum(axis=1, keepdims=True)
        return np.einsum("bt,btc->bc", share, x), None

    def flatten(self, name, nodes, activation):
        x, _ = nodes[0]
        return self._dense(name, x.reshape(len(x), -1), activation), None

    def conv(self, name, nodes, padding):
        x, _ = nodes[0]
        kernel, bias = self.weights[name]
        before = {"same": 0, "causal": 1}[padding]  # the kernel has 2 steps
        x = np.pad(x, ((0, 0), (before, 1 - before), (0, 0)))
        y = x[:, :-1] @ kernel[0] + x[:, 1:] @ kernel[1] + bias
        return np.tanh(y), None

    def add(self, name, nodes, _):
        (x, mask), (y, _) = nodes
        return x + y, mask

    def multiply(self, name, nodes, _):
        (x, mask), (y, _) = nodes
        return x * y, mask

    def concatenate(self, name, nodes, activation):
        both = np.concatenate([x for x, _ in nodes], axis=-1)
        return self._dense(name, both, activation), nodes[0][1]

    def join(self, name, nodes, activation):
        flat = [
            node if node[0].ndim == 2 else self.pool(name, [node], None)
            for node in nodes
        ]
        return self.concatenate(name, flat, activation)

    def head(self, name, node, kind, units):
        x, mask = node
        logits = self._dense(name, x, "linear")
        if mask is not None:  # what is masked does not count
            logits = logits * mask[..., None]
        return logits.reshape(len(logits), -1)


def build(graph):
    """Return the Keras model of a graph, with weights drawn by its seed."""
    inputs = []
    for index, kind in enumerate(graph.inputs):
        shape = (2,) if kind in {"vector", "integers"} else (None, 2)
        dtype = graph.dtype
        if kind == "sequence":
            shape = (LENGTH, 2)
        if "tokens" in kind:
            shape = (None,) if kind == "padded_tokens" else (LENGTH,)
            dtype = "int32"
        inputs.append(keras.Input(shape, dtype=dtype, name=f"input_{index}"))
    model = keras.Model(inputs, walk(graph, OnKeras(graph), inputs))
    rng = np.random.default_rng(graph.seed)
    for layer in model.layers:
        layer.set_weights([
            rng.normal(size=w.shape) * (0.3 if w.ndim == 1 else 0.8)
            + ("normalization" in layer.name and i == 0)
            for i, w in enumerate(layer.get_weights())
        ])
    return model


def data(graph, rows=3):
    """Return a row of arrays for each input; padding is 0 and at the end."""
    rng = np.random.default_rng(graph.seed + 1)
    leaves = []
    for kind in graph.inputs:
        if kind in {"vector", "sequence", "padded"}:
            shape = (rows, 2) if kind == "vector" else (rows, LENGTH, 2)
            leaf = rng.normal(size=shape).astype(graph.dtype)
        elif kind == "integers":  # fed to a floating Input
            leaf = rng.integers(-2, 3, (rows, 2))
        else:
            leaf = rng.integers(1, TOKENS, (rows, LENGTH)).astype("int32")
        if kind.startswith("padded"):
            lengths = rng.integers(1, LENGTH + 1, rows)
            leaf[np.arange(LENGTH)[None] >= lengths[:, None]] = 0
        leaves.append(leaf)
    return leaves


class Oracle:
    """Jacobians of a graph's numpy twin, by central differences in float64.

    Args:
        graph: the graph.
        model: its Keras model, for the weights.
        leaves: the data.
    """

    def __init__(self, graph, model, leaves):
        self.graph = graph
        self.leaves = leaves
        self.weights = {
            layer.name: [w.astype("float64") for w in layer.get_weights()]
            for layer in model.layers
        }

    def logits(self, points, rows_for_each=1):
        """Logits at `points`, which repeat each row of the data."""
        moving = dict(zip(self.graph.measured_from, points, strict=True))
        leaves, masks = [], []
        for index, (kind, leaf) in enumerate(
            zip(self.graph.inputs, self.leaves, strict=True)
        ):
            leaf = np.repeat(leaf, rows_for_each, axis=0)
            mask = leaf.any(axis=-1) if leaf.ndim == 3 else leaf != 0
            masks.append(mask if kind.startswith("padded") else None)
            leaves.append(moving.get(index, leaf))
        on = OnNumpy(self.graph, self.weights, masks)
        return np.concatenate(walk(self.graph, on, leaves), axis=1)

    @property
    def points(self):
        """Where the Jacobian is taken."""
        return [
            self.weights[f"embedding_{index}"][0][self.leaves[index]]
            if "tokens" in self.graph.inputs[index]
            else self.leaves[index].astype("float64")
            for index in self.graph.measured_from
        ]

    def jacobian(self, step=1e-5):
        """`(batch, K, d)`."""
        points = self.points
        flat = np.concatenate([p.reshape(len(p), -1) for p in points], axis=1)
        batch, d = flat.shape
        moves = step * np.concatenate([np.eye(d), -np.eye(d)])
        moved = (flat[:, None] + moves).reshape(batch * 2 * d, d)
        sizes = np.cumsum([p[0].size for p in points])[:-1]
        moved = [
            part.reshape(-1, *point.shape[1:])
            for part, point in zip(
                np.split(moved, sizes, axis=1), points, strict=True
            )
        ]
        values = self.logits(moved, 2 * d).reshape(batch, 2, d, -1)
        return np.swapaxes(values[:, 0] - values[:, 1], 1, 2) / (2 * step)

    def norms(self):
        """Squared Frobenius norm of each row's Jacobian."""
        return (self.jacobian() ** 2).sum(axis=(1, 2))

    def slope(self, directions, step=1e-4):
        """Derivative of the mean norm as the weights move, by differences."""
        start, ends = self.weights, []
        for sign in (1, -1):
            self.weights = {
                name: [
                    w + sign * step * move
                    for w, move in zip(ws, directions[name], strict=True)
                ]
                for name, ws in start.items()
            }
            ends.append(self.norms().mean())
        self.weights = start
        return (ends[0] - ends[1]) / (2 * step)
