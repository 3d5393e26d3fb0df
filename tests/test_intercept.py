import threading

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gc.intercept import intercept


def doubled(call, *args, **kwargs):
    return 2 * call(*args, **kwargs)


def dense():
    layer = layers.Dense(2, kernel_initializer="ones")
    return layer, keras.Sequential([keras.Input((3,)), layer])


def value(model):
    return float(ops.convert_to_numpy(model(np.ones((1, 3))))[0, 0])


def test_handler_stands_for_the_call_within_the_block_only():
    layer, model = dense()
    with intercept(layer, doubled):
        assert value(model) == 6
    assert value(model) == 3
    assert "call" not in vars(layer)


def test_layer_is_restored_after_an_error():
    layer, model = dense()
    with pytest.raises(KeyError), intercept(layer, doubled):
        raise KeyError
    assert "call" not in vars(layer)
    assert value(model) == 3


def test_inner_block_wins_and_gives_back_to_the_outer():
    layer, model = dense()
    with intercept(layer, doubled):
        with intercept(layer, lambda call, x: 10 * call(x)):
            assert value(model) == 30
        assert value(model) == 6
    assert value(model) == 3


def test_other_threads_see_the_layer_itself():
    layer, model = dense()
    seen = []
    with intercept(layer, doubled):
        thread = threading.Thread(target=lambda: seen.append(value(model)))
        thread.start()
        thread.join()
        assert value(model) == 6
    assert seen == [3]


def test_operations_are_intercepted_too():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, ops.sum(inputs, axis=1, keepdims=True))
    (operation,) = (op for op in model.operations if op.name.startswith("sum"))
    with intercept(operation, doubled):
        assert value(model) == 6
    assert value(model) == 3
