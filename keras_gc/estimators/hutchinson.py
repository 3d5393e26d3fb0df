"""Unbiased GC from random projections of the Jacobian."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_gc import _validation, backend
from keras_gc.estimators import probes
from keras_gc.estimators.estimator import Estimator, squared_norm
from keras_gc.estimators.seed_stream import seed_stream


@keras.saving.register_keras_serializable(package="keras_gc")
class Hutchinson(Estimator):
    """Unbiased estimate from random vectors: `mean_n ||J^T v_n||^2`.

    With `E[v v^T] = I`, the expectation of `||J^T v||^2 = v^T G v` is
    `tr G = ||J||_F^2`, where `G = J J^T`. Each example has its own vectors,
    so one of them is enough to train with.

    - Bias: none.
    - Variance per example: `2 (||G||_F^2 - sum_i G_ii^2) / n` for Rademacher,
      `2 ||G||_F^2 / n` for Gaussian and
      `2 (K ||G||_F^2 - (tr G)^2) / ((K + 2) n)` for sphere probes; with one
      probe, `K sum_i G_ii^2 - (tr G)^2` for balanced ones and
      `sum_i (u_i^T G u_i)^2 / p_i - (tr G)^2` for principal ones, of axes u_i
      and probabilities p_i. In forward mode the same with `G = J^T J` and d in
      the place of K.
    - Noise of a penalty's weight gradient, which training feels: on trained
      networks balanced and principal probes have a sixth to a half of that of
      independent ones, at the same cost; forward mode has 5 to 17 times as
      much (`keras-gc bench --noise` measures it).
    - Cost: n Jacobian products.
    - Memory: one product at a time when measuring.

    **What is balanced.** The examples of a batch are sorted by the class that
    the model predicts. Of K orthogonal vectors, each run of K neighbours gets
    each one once (`"balanced"`) or as often as its probability asks for
    (`"principal"`). So the noise of neighbours cancels to the extent that their
    Jacobians are alike. In a batch of fewer than K examples no two have the
    same vector. The n probes of one example count as neighbours: they differ,
    up to n = K. Each replica balances its own examples; with `gc_fraction`,
    the examples that are measured are balanced. Sample weights play no part:
    with them the estimate is still unbiased, but noise cancels only between
    neighbours of equal weight. The gradient treats the vectors as constants.

    Args:
        num_probes: int >= 1, n. Defaults to 1.
        probe: str, law of the vectors. `"rademacher"`, `"gaussian"` and
            `"sphere"` are independent. `"balanced"`: single outputs,
            `sqrt(K) e_i`. `"principal"`: principal axes of the batch's
            outputs, drawn in proportion to the deviation along them (above 64
            outputs the same as `"balanced"`). The last two need
            `mode="reverse"`. Defaults to `"rademacher"`.
        mode: str, `"reverse"` (vectors in the output space) or `"forward"`
            (in the input space: for models with more outputs than inputs, and
            for measuring). Defaults to `"reverse"`.

    Raises:
        TypeError: if `num_probes` is not an int.
        ValueError: if an argument is outside its range.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> layer = keras.layers.Dense(1, kernel_initializer="ones")
    >>> model = keras.Sequential([keras.Input((3,)), layer])
    >>> one_probe = keras_gc.estimators.Hutchinson()
    >>> _, values = one_probe(model, np.ones((1, 3)), seed=0)
    >>> values = keras.ops.convert_to_numpy(values)
    >>> values.tolist()  # exact: with K = 1 a sign squares to 1
    [3.0]

    Reference: Hutchinson 1990; Hoffman, Roberts, Yaida 2019 (arXiv
    1908.02729) for training penalties (their penalty carries a factor 1/2,
    this value does not).
    """

    def __init__(
        self,
        num_probes: int = 1,
        probe: str = "rademacher",
        mode: str = "reverse",
    ):
        self.num_probes = _validation.positive_int("num_probes", num_probes)
        self.mode = _validation.one_of("mode", mode, ("reverse", "forward"))
        probes.get(probe, mode)
        self.probe = probe

    def estimate(self, fn: Callable, x: Any, seed: Any) -> tuple[Any, Any]:
        """Return `(aux, values)`; see `Estimator.estimate`."""
        if self.mode == "reverse":
            outputs, aux, product = backend.vjp(fn, x)
            like = outputs
        else:
            _, aux, product = backend.linearize(fn, x)
            like = x
        # Drawn before the loop: a loop must not change the seed's state.
        seeds = seed_stream(seed)
        vectors = keras.tree.map_structure(
            lambda leaf: self.draw(leaf, next(seeds)), like
        )

        def squared_projection(index):
            vector = keras.tree.map_structure(
                lambda all_: ops.take(all_, index, axis=0), vectors
            )
            return squared_norm(product(vector))

        total = backend.accumulate(squared_projection, self.num_probes)
        return aux, total / self.num_probes

    def draw(self, like: Any, seed: Any) -> Any:
        """Return `num_probes` vectors for each row of a tensor.

        Args:
            like: tensor `(batch, ...)`: the outputs in reverse mode, (one leaf
                of) the inputs in forward mode.
            seed: int, `keras.random.SeedGenerator` or None.

        Returns:
            Tensor `(num_probes, batch, ...)`, of the same dtype.
        """
        law = probes.get(self.probe, self.mode)
        return ops.cast(law(like, self.num_probes, seed), like.dtype)

    def num_passes(self, num_outputs: int, num_inputs: int) -> int:
        """Return `num_probes`."""
        return self.num_probes

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "num_probes": self.num_probes,
            "probe": self.probe,
            "mode": self.mode,
        }
