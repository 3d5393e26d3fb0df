"""What a scope does with the updates that are made in it."""

import keras
import pytest
from keras import ops

from keras_gc import backend
from keras_gc.backend.scope import delay_updates, discard_updates


def value(variable):
    return float(ops.convert_to_numpy(variable.value))


def test_updates_are_seen_inside_and_dropped():
    v = keras.Variable(1.0)
    with discard_updates():
        v.assign(2.0)
        assert value(v) == 2
    assert value(v) == 1


def test_updates_are_made_when_asked_for():
    v = keras.Variable(1.0)
    with delay_updates() as make_updates:
        v.assign(2.0)
    assert value(v) == 1
    make_updates()
    assert value(v) == 2


def test_given_values_are_no_updates():
    v, w = keras.Variable(1.0), keras.Variable(1.0)
    with delay_updates([(v, ops.array(5.0))]) as make_updates:
        w.assign(v + 1)
    make_updates()
    assert (value(v), value(w)) == (1, 6)


def test_an_inner_scope_sees_the_outer_one_and_updates_it():
    v = keras.Variable(1.0)
    with discard_updates():
        v.assign(2.0)
        with delay_updates() as make_updates:
            v.assign(v + 1)
        assert value(v) == 2
        make_updates()
        assert value(v) == 3
    assert value(v) == 1


def gradient_with_an_update(is_weight):
    """The gradient of `w * v` at w = 3, after `v.assign(w * w)`."""
    weight = keras.Variable(3.0)
    updated = keras.Variable(1.0, trainable=is_weight)

    def objective():
        updated.assign(weight * weight)
        return weight * updated, None

    variables = [weight, updated] if is_weight else [weight]
    with discard_updates():
        _, _, gradients = backend.value_and_gradients(objective, variables)
    return [float(ops.convert_to_numpy(g)) for g in gradients]


def test_no_gradient_flows_through_an_update_of_state():
    # As in a train step without a scope, where an update is a number.
    assert gradient_with_an_update(False) == pytest.approx([9.0])


def test_a_weight_that_is_assigned_has_the_gradient_that_keras_gives_it():
    through_the_value = keras.config.backend() == "jax"
    expected = [27.0, 0.0] if through_the_value else [9.0, 3.0]
    assert gradient_with_an_update(True) == pytest.approx(expected)
