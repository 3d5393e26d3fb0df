"""Checks of arguments: one sentence for each way a value can be wrong."""

import math
import numbers
from collections.abc import Iterable
from typing import Any


def positive_int(name: str, value: Any) -> int:
    """Return `value` as an int, or raise if it is not an integer >= 1."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(
            f"`{name}` must be an int >= 1. Received: {name}={value!r} "
            f"(of type {type(value).__name__})"
        )
    if value < 1:
        raise ValueError(
            f"`{name}` must be an int >= 1. Received: {name}={value}"
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
            f"`{name}` must be {allowed}. Received: {name}={value!r} "
            f"(of type {type(value).__name__})"
        )
    low = value <= minimum if exclusive else value < minimum
    if not math.isfinite(value) or low or value > maximum:
        raise ValueError(
            f"`{name}` must be {allowed}. Received: {name}={value}"
        )
    return float(value)


def one_of(name: str, value: Any, allowed: Iterable[Any]) -> Any:
    """Return `value` if it is one of the `allowed` ones, or raise."""
    allowed = tuple(allowed)
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(
            f"`{name}` must be one of {allowed}. Received: {name}={value!r}"
        )
    return value
