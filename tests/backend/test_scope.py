"""What a scope does with the updates that are made in it."""

import keras
import numpy as np
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


def test_no_gradient_flows_through_an_update():
    # As in a train step without a scope, where an update is a number.
    weight, statistic = keras.Variable(3.0), keras.Variable(0.0)

    def objective():
        statistic.assign(weight * weight)
        return weight * statistic, None

    with discard_updates():
        _, _, (gradient,) = backend.value_and_gradients(objective, [weight])
    np.testing.assert_allclose(ops.convert_to_numpy(gradient), 9.0)
