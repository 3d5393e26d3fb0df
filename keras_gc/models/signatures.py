"""Keras's own signatures, with our arguments added."""

import inspect
from collections.abc import Callable


def extends(keras_method: Callable) -> Callable:
    """Show a Keras method's signature, and ours after it, in editors and help.

    Args:
        keras_method: the method that ours overrides; ours takes `*args` and
            `**kwargs` for it, and keyword arguments of its own.

    Returns:
        A decorator.
    """

    def decorate(ours: Callable) -> Callable:
        kept = list(inspect.signature(keras_method).parameters.values())
        added = [
            p
            for p in inspect.signature(ours).parameters.values()
            if p.kind is p.KEYWORD_ONLY
        ]
        signature = inspect.Signature(
            [*kept, *added],
            return_annotation=inspect.signature(ours).return_annotation,
        )
        setattr(ours, "__signature__", signature)  # noqa: B010 - for mypy
        return ours

    return decorate
