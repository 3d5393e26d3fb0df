"""GC of every layer's output at once, with one trace for all."""

import contextlib
import math

import keras
from keras import ops

from keras_gc import _validation, backend
from keras_gc.backend.scope import discard_updates
from keras_gc.estimators import probes
from keras_gc.estimators.estimator import flatten_rows, squared_norm
from keras_gc.estimators.seed_stream import seed_stream
from keras_gc.intercept import intercept

_NUM_PROBES = 2
# Numbers that the outputs of all layers may hold together for one batch.
_LARGEST_BATCH = 2**25


class LayerMeter:
    """Estimates `||d h / d x||_F^2` for the output h of each layer.

    The outputs are laid side by side, and random vectors that are 0 outside
    one layer's part are pulled back through the model: unbiased, `2 L`
    products for L layers, and one trace where each layer on its own would
    need one.

    Args:
        network: a `LogitNetwork`.
        layers: the layers.
        x: a batch, on which they are run.
        seed: int or None.

    Attributes:
        shapes: dict from each layer that can be measured to its output's
            shape for one example. Called once, one real tensor as output.
        last: the layer that the logits come from and their shape, or None.
    """

    def __init__(self, network, layers, x, seed=None):
        self._network = network
        one = keras.tree.map_structure(lambda leaf: leaf[:1], x)
        captured, logits = self._run(layers, network.point(one), one)
        ends = keras.tree.flatten(logits)
        heads = [] if network.outputs else network.find_heads(one)
        self.last, self.shapes = None, {}
        for layer in layers:
            outputs = captured[layer]
            # The network itself stands in for the layer that it measures to.
            if layer in heads or layer.name == network.outputs:
                outputs = ends[:1]
            if len(outputs) != 1 or not _is_one_real_tensor(outputs[0]):
                continue
            if len(ends) == 1 and outputs[0] is ends[0]:
                self.last = layer, tuple(ends[0].shape[1:])
            elif not any(outputs[0] is end for end in ends):
                self.shapes[layer] = tuple(outputs[0].shape[1:])
        sizes = [math.prod(shape) for shape in self.shapes.values()]
        self.batch_size = max(1, _LARGEST_BATCH // max(1, sum(sizes)))
        self._owners = [n for n, size in enumerate(sizes) for _ in range(size)]
        self._seed = keras.random.SeedGenerator(_validation.seed("seed", seed))
        self._compiled = backend.compiled(
            self._measure, network.model.variables, [self._seed.state]
        )

    def __call__(self, x):
        """Measure one batch.

        Args:
            x: the model's input, tensors.

        Returns:
            numpy array `(batch, layers)`, float64.
        """
        return ops.convert_to_numpy(self._compiled(x)).astype("float64")

    def _measure(self, x):
        def outputs_of(point):
            captured, _ = self._run(list(self.shapes), point, x)
            return flatten_rows([h[0] for h in captured.values()]), None

        point = self._network.point(x)
        outputs, _, pullback = backend.vjp(outputs_of, point)
        # Drawn before the loop: a loop must not change the seed's state.
        signs = probes.get("rademacher")(
            outputs, _NUM_PROBES, next(seed_stream(self._seed))
        )
        owners = ops.convert_to_tensor(self._owners, dtype="int32")

        def squares(index):
            layer = index // _NUM_PROBES
            vector = ops.take(signs, index % _NUM_PROBES, axis=0)
            within = ops.equal(owners, ops.cast(layer, "int32"))
            vector = ops.where(within[None], vector, ops.zeros_like(vector))
            norms = squared_norm(pullback(ops.cast(vector, outputs.dtype)))
            column = ops.one_hot(layer, len(self.shapes), dtype=norms.dtype)
            return norms[:, None] * column[None]

        count = _NUM_PROBES * len(self.shapes)
        return backend.accumulate(squares, count) / _NUM_PROBES

    def _run(self, layers, point, x):
        """Return `(outputs of each layer, logits)`."""
        captured = {layer: [] for layer in layers}

        def keep(layer):
            def handler(call, *args, **kwargs):
                result = call(*args, **kwargs)
                captured[layer].append(result)
                return result

            return intercept(layer, handler)

        with contextlib.ExitStack() as stack:
            for layer in layers:
                stack.enter_context(keep(layer))
            stack.enter_context(discard_updates())
            logits, _ = self._network(point, x)
        return captured, logits


def _is_one_real_tensor(output):
    if not hasattr(output, "dtype") or len(output.shape) < 2:
        return False
    fixed = all(size is not None for size in output.shape[1:])
    return fixed and "float" in keras.backend.standardize_dtype(output.dtype)
