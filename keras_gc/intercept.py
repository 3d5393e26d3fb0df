"""Stand in for a layer's `call` while a model runs."""

import contextlib
import threading

_lock = threading.Lock()
_installed: dict[int, int] = {}  # id of a layer -> blocks that hold it
_handlers = threading.local()  # .of: id of a layer -> handler


@contextlib.contextmanager
def intercept(layer, handler):
    """Within the block, `handler(call, *args)` stands for `layer.call(*args)`.

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


def _install(layer):
    with _lock:
        count = _installed.get(id(layer), 0)
        _installed[id(layer)] = count + 1
        if count == 0:
            call = layer.call

            def dispatch(*args, **kwargs):
                handler = _handlers.__dict__.get("of", {}).get(id(layer))
                if handler is None:
                    return call(*args, **kwargs)
                return handler(call, *args, **kwargs)

            # Past __setattr__, which may be locked and would track it.
            layer.__dict__["call"] = dispatch


def _uninstall(layer):
    with _lock:
        _installed[id(layer)] -= 1
        if _installed[id(layer)] == 0:
            del _installed[id(layer)]
            del layer.__dict__["call"]
