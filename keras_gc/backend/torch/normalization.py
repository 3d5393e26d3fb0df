"""Layer normalisation that can be differentiated three times.

The second derivative of torch's own kernel takes mean and deviation for
constants when it is differentiated once more. So the weights' gradient of a
penalty in forward mode, which needs that third derivative, would be off by
tens of per cent, in silence.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import torch

_lock = threading.Lock()
_blocks = 0  # that are being run
_torch_layer_norm = torch.nn.functional.layer_norm


@contextlib.contextmanager
def thrice_differentiable_normalization() -> Iterator[None]:
    """Within the block `torch.nn.functional.layer_norm` is exact to all orders.

    Yields:
        Nothing.
    """
    global _blocks
    with _lock:
        _blocks += 1
        torch.nn.functional.layer_norm = layer_norm
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if _blocks == 0:
                torch.nn.functional.layer_norm = _torch_layer_norm


def layer_norm(
    input: Any,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    """Return the normalised input; see `torch.nn.functional.layer_norm`."""
    axes = tuple(range(-len(normalized_shape), 0))
    centred = input - input.mean(axes, keepdim=True)
    variance = centred.square().mean(axes, keepdim=True)
    result = centred * torch.rsqrt(variance + eps)
    if weight is not None:
        result = result * weight
    return result if bias is None else result + bias
