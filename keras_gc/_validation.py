"""Checks of arguments: one sentence for each way a value can be wrong."""

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import Any


def shown(value: Any) -> str:
    """Return what an error says was received, on one line of bounded length.

    Arrays and tensors are described by their shape and dtype.
    """
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, Iterable) and dtype is not None and tuple(shape):
        return (
            f"<{type(value).__name__} of shape {tuple(shape)} and dtype "
            f"{dtype}>"
        )
    text = " ".join(repr(value).split())
    return text if len(text) <= 200 else f"{text[:197]}..."


def did_you_mean(value: Any, allowed: Iterable[Any]) -> str:
    """Return the question after the closest name, or nothing.

    It goes on from a sentence that ends in what was received.
    """
    names = [name for name in allowed if isinstance(name, str)]
    close = difflib.get_close_matches(str(value), names, n=1)
    return f". Did you mean {close[0]!r}?" if close else ""


def integer(name: str, value: Any, *, minimum: int) -> int:
    """Return `value` as an int, or raise if it is not one >= `minimum`."""
    allowed = f"`{name}` must be an int >= {minimum}. "
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(
            f"{allowed}Received: {name}={shown(value)} "
            f"(of type {type(value).__name__})"
        )
    if value < minimum:
        raise ValueError(f"{allowed}Received: {name}={shown(value)}")
    return int(value)


def positive_int(name: str, value: Any) -> int:
    """Return `value` as an int, or raise if it is not an integer >= 1."""
    return integer(name, value, minimum=1)


def verbosity(value: Any) -> int:
    """Return how much is printed, or raise if `verbose` is no such number."""
    value = int(value) if isinstance(value, bool) else value
    return integer("verbose", value, minimum=0)


def seed(name: str, value: Any) -> int | None:
    """Return None or `value` as an int, or raise if it can be no seed."""
    if value is None:
        return None
    integer(name, value, minimum=0)
    if value >= 2**31:  # more than Keras's generator holds on torch
        raise ValueError(
            f"`{name}` must be an int below 2**31. Received: {name}="
            f"{shown(value)}"
        )
    return int(value)


def number(
    name: str,
    value: Any,
    *,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    exclusive: bool = False,
) -> float:
    """Return `value` as a finite float in the range, or raise.

    `exclusive=True` leaves the minimum itself out of the range.
    """
    sign = ">" if exclusive else ">="
    allowed = "a finite number"
    if minimum > -math.inf:
        allowed += f" {sign} {minimum:g}"
    if maximum < math.inf:
        allowed += f" and <= {maximum:g}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(
            f"`{name}` must be {allowed}. Received: {name}={shown(value)} "
            f"(of type {type(value).__name__})"
        )
    given: Any = value  # a Real, of which mypy knows no order
    low = given <= minimum if exclusive else given < minimum
    if not _is_finite(value) or low or given > maximum:
        raise ValueError(
            f"`{name}` must be {allowed}. Received: {name}={shown(value)}"
        )
    return float(value)


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond the floats
        return False


def one_of(name: str, value: Any, allowed: Iterable[Any]) -> Any:
    """Return `value` if it is one of the `allowed` ones, or raise."""
    allowed = tuple(allowed)
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(
            f"`{name}` must be one of {allowed}. Received: "
            f"{name}={shown(value)}{did_you_mean(value, allowed)}"
        )
    return value


def is_auto(value: Any) -> bool:
    """Return whether `value` is the word "auto", whatever else it may be."""
    return isinstance(value, str) and value == "auto"


def boolean(name: str, value: Any) -> bool:
    """Return `value` as a bool, or raise if it is none."""
    if isinstance(value, bool) or type(value).__name__ in {"bool_", "bool"}:
        return bool(value)
    raise TypeError(
        f"`{name}` must be True or False. Received: {name}={shown(value)} "
        f"(of type {type(value).__name__})"
    )
