"""Stand in for a layer's `call` while a model runs."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras

from keras_gc import keras_seam

_lock = threading.Lock()
_installed: dict[int, int] = {}  # id of a layer -> blocks that hold it
_handlers = threading.local()  # .of: id of a layer -> handler


@contextlib.contextmanager
def intercept(layer: Any, handler: Callable) -> Iterator[None]:
    """Within the block, `handler(call, *args)` stands for `layer.call(*args)`.

    It also stands for the call of a quantized layer, and for one that is
    rematerialized (`keras.RematScope`); then it runs outside of the
    rematerialized part, so that what it sees may be used elsewhere.

    Only in this thread: replicas of a `tf.distribute` strategy run one model
    in several threads, each with handlers of its own. The layer itself is
    left as it was.

    Args:
        layer: a `keras.Layer` or `keras.Operation`.
        handler: function `(call, *args, **kwargs) -> outputs`, where `call`
            is the layer's own.

    Yields:
        Nothing.
    """
    mine = _handlers.__dict__.setdefault("of", {})
    outer = mine.get(id(layer))
    mine[id(layer)] = handler
    _install(layer)
    try:
        yield
    finally:
        _uninstall(layer)
        if outer is None:
            del mine[id(layer)]
        else:
            mine[id(layer)] = outer


def run_plainly(call: Callable, *args: Any, **kwargs: Any) -> Any:
    """Handle a layer around intercepted ones: call it, without saving memory.

    What is seen inside of a rematerialized call cannot be used outside of it.

    Args:
        call: the layer's own call.
        *args: what it is given.
        **kwargs: likewise.

    Returns:
        What the call returns.
    """
    return call(*args, **kwargs)


def _install(layer):
    with _lock:
        count = _installed.get(id(layer), 0)
        _installed[id(layer)] = count + 1
        if count > 0:
            return
        # Past __setattr__, which may be locked and would track it.
        for name in keras_seam.CALLS:
            if hasattr(layer, name):
                layer.__dict__[name] = _dispatcher(layer, getattr(layer, name))
        rematerialized = getattr(layer, keras_seam.REMATERIALIZED, None)
        if rematerialized is None:
            return

        def outside(dispatch, *args, **kwargs):
            # On TensorFlow it has no second derivative, and saves nothing here.
            is_tensorflow = keras.config.backend() == "tensorflow"
            if is_tensorflow or _handler(layer) is run_plainly:
                return dispatch
            own = rematerialized(dispatch.call, *args, **kwargs)
            return _dispatcher(layer, own)

        layer.__dict__[keras_seam.REMATERIALIZED] = outside


def _dispatcher(layer, call):
    def dispatch(*args, **kwargs):
        handler = _handler(layer)
        if handler is None:
            return call(*args, **kwargs)
        return handler(call, *args, **kwargs)

    dispatch.call = call
    return dispatch


def _handler(layer):
    return _handlers.__dict__.get("of", {}).get(id(layer))


def _uninstall(layer):
    with _lock:
        _installed[id(layer)] -= 1
        if _installed[id(layer)] == 0:
            del _installed[id(layer)]
            for name in (*keras_seam.CALLS, keras_seam.REMATERIALIZED):
                layer.__dict__.pop(name, None)
