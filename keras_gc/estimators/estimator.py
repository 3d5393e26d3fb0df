"""The base class of all estimators, and the law that they keep."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops


class Estimator:
    """Squared Frobenius norm of each example's input Jacobian.

    For a function `f` of rows, with `J = df/dx` (K x d) at one row `x`, an
    estimator returns `||J||_F^2` for each row, in (output / input unit)^2.

    A subclass writes `estimate(fn, x, seed)` and `num_passes`.

    **Law.** `fn` is pure and acts on each row by itself. The values have
    shape `(batch,)` and dtype float32 (float64 where the outputs have it) and
    are never reduced: means, sample weights and replicas are the caller's.
    They are differentiable in the weights of `fn`. Their expectation over the
    seed is the exact value where `is_unbiased`; where `is_exact`, they do not
    depend on the seed.

    Example:
    >>> import keras, keras_gc
    >>> linear = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> x = keras.ops.ones((4, 3))
    >>> exact = keras_gc.estimators.ExactReverse()
    >>> outputs, values = exact(linear, x)
    >>> tuple(values.shape)
    (4,)

    Reference: Dherin et al. 2022 (arXiv 2209.13083), Definition 3.1.
    """

    is_exact = False
    is_unbiased = True

    def estimate(self, fn: Callable, x: Any, seed: Any) -> tuple[Any, Any]:
        """Return `(aux, values)`; a subclass writes this.

        Args:
            fn: function from `x` to `(outputs, aux)`, with outputs of shape
                `(batch, K)`.
            x: tensor or structure of floating tensors, `(batch, ...)`.
            seed: int, `keras.random.SeedGenerator` or None. Draws that must
                not be alike take theirs from `seed_stream(seed)`.

        Returns:
            `aux` of the one evaluation of `fn`, and values `(batch,)`.

        Raises:
            NotImplementedError: in the base class.
        """
        raise NotImplementedError

    def num_passes(self, num_outputs: int, num_inputs: int) -> int:
        """Return how many Jacobian products or forward passes one call takes.

        They come on top of the one forward pass that gives the outputs.

        Args:
            num_outputs: int, K, outputs per example.
            num_inputs: int, d, inputs per example.

        Returns:
            int, the number of passes.

        Raises:
            NotImplementedError: in the base class.
        """
        raise NotImplementedError

    def build(self, num_outputs: Any) -> None:
        """Create the estimator's state, if it has any.

        Args:
            num_outputs: int, K, outputs per example; a tensor where it changes
                from batch to batch.
        """

    @property
    def variables(self) -> list[keras.Variable]:
        """State that changes with each call: a list of `keras.Variable`."""
        return []

    def __call__(
        self, fn: Callable, x: Any, seed: Any = None, has_aux: bool = False
    ) -> tuple[Any, Any]:
        """Evaluate `fn` and estimate.

        Args:
            fn: function from `x` to outputs of any rank (or a structure of
                them), the batch first; with `has_aux`, to `(outputs, aux)`.
            x: floating tensor or structure of them, the batch first.
            seed: int, `keras.random.SeedGenerator` or None. Defaults to None:
                the global generator of `keras.random`.
            has_aux: bool, whether `fn` returns `(outputs, aux)`. Defaults to
                False.

        Returns:
            `(fn(x), values)`, with values of shape `(batch,)`.
        """
        x = keras.tree.map_structure(ops.convert_to_tensor, x)
        for leaf in keras.tree.flatten(x):
            check_floating("inputs", leaf)

        def rows(x):
            result = fn(x)
            outputs = flatten_rows(result[0] if has_aux else result)
            check_rows(outputs, x)
            return outputs, result

        return self.estimate(rows, x, seed)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain Python values."""
        return {}

    def copy(self) -> "Estimator":
        """Return an estimator with the same arguments and no state."""
        return type(self).from_config(self.get_config())

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Estimator":
        """Return an estimator from `get_config`'s result."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(
            f"{name}={value!r}" for name, value in self.get_config().items()
        )
        return f"{type(self).__name__}({arguments})"


def check_floating(what: str, tensor: Any) -> None:
    """Raise if a tensor does not hold real numbers.

    Args:
        what: str, `"inputs"` or `"outputs"`, for the error.
        tensor: tensor, one of these.

    Raises:
        TypeError: if it is not floating.
    """
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if "float" not in dtype:
        raise TypeError(
            f"The Jacobian needs floating point {what}: there is no derivative "
            f"with respect to (or of) dtype {dtype}. For images, pass "
            "`x.astype('float32')` (and scale it); for tokens, measure from "
            "the embedding: `inputs='NAME'` (`gc_inputs='NAME'` in `compile`). "
            f"Received: {what} of shape {tuple(tensor.shape)}, dtype {dtype}"
        )


def flatten_rows(outputs: Any) -> Any:
    """Return outputs of any rank or structure as one `(batch, K)` tensor.

    Args:
        outputs: tensor or structure of floating tensors, the batch first.

    Returns:
        Tensor `(batch, K)`, in the widest dtype of the outputs.

    Raises:
        TypeError: if an output is not floating.
        ValueError: if an output is a scalar.
    """
    leaves = [
        ops.convert_to_tensor(leaf) for leaf in keras.tree.flatten(outputs)
    ]
    for leaf in leaves:
        check_floating("outputs", leaf)
        if len(leaf.shape) == 0:
            raise ValueError(
                "Geometric complexity needs outputs with one row per example. "
                "Received: a scalar output, of shape (). Return values of "
                "shape (batch,) or (batch, ...) instead of their mean."
            )
    dtypes = {keras.backend.standardize_dtype(leaf.dtype) for leaf in leaves}
    dtype = dtypes.pop() if len(dtypes) == 1 else _common_dtype(dtypes)
    rows = [
        ops.cast(ops.reshape(leaf, (-1, row_size(leaf))), dtype)
        for leaf in leaves
    ]
    return rows[0] if len(rows) == 1 else ops.concatenate(rows, axis=1)


def _common_dtype(dtypes):
    # `result_type` rounds float64 to float32 on JAX and torch.
    return (
        "float64" if "float64" in dtypes else keras.backend.result_type(*dtypes)
    )


def check_rows(outputs: Any, x: Any) -> None:
    """Raise if outputs are known not to have one row for each example.

    Args:
        outputs: tensor `(rows, K)`.
        x: tensor or structure of tensors, the batch first.

    Raises:
        ValueError: if the number of rows is another than that of examples.
    """
    rows = outputs.shape[0]
    for leaf in keras.tree.flatten(x):
        if None not in {rows, leaf.shape[0]} and rows != leaf.shape[0]:
            raise ValueError(
                "Geometric complexity needs outputs with one row per example. "
                f"Received: {rows} rows of outputs for {leaf.shape[0]} "
                "examples. Return values of shape (batch, ...), and nothing "
                "that is reduced over the batch."
            )


def row_size(tensor: Any) -> Any:
    """Return the number of entries of one row, an int where it is known."""
    shape = ops.shape(tensor)[1:]
    if all(isinstance(size, int) for size in shape):
        return math.prod(shape)
    return ops.prod(ops.stack([ops.cast(s, "int32") for s in shape]))


def squared_norm(tensors: Any) -> Any:
    """Return the squared norm of each row over a structure, `(batch,)`.

    Summed in float32 or better: half precision would lose small entries.
    """
    total = 0.0
    for leaf in keras.tree.flatten(tensors):
        if keras.backend.standardize_dtype(leaf.dtype) != "float64":
            leaf = ops.cast(leaf, "float32")
        axes = tuple(range(1, len(leaf.shape)))
        total = total + ops.sum(ops.square(leaf), axis=axes)
    return total
