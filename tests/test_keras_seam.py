"""A canary for each name of Keras that Keras does not promise to keep.

A failure here after an update of Keras says which name moved: mend the
function of the same name in keras_gc/keras_seam.py.
"""

import ast
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gc import keras_seam
from keras_gc.backend.scope import discard_updates

PACKAGE = Path(keras_seam.__file__).parent


def functional():
    inputs = keras.Input((3,))
    return keras.Model(inputs, layers.Dense(2, name="last")(inputs))


def test_functional_class():
    assert isinstance(functional(), keras_seam.functional_class())
    assert keras_seam.functional_class() is not keras.Model


def test_functional_class_uses_up_no_name_and_fixes_no_dtype():
    keras.utils.clear_session()
    keras_seam.functional_class()
    assert functional().name == "functional"


def test_functional_class_is_found_whatever_else_is_called_so():
    type("Functional", (keras.Model,), {})
    assert isinstance(functional(), keras_seam.functional_class())


def test_all_layers():
    wrapped = layers.TimeDistributed(layers.Dense(2))
    model = keras.Sequential([keras.Input((4, 3)), wrapped])
    found = keras_seam.all_layers(model)
    assert found[0] is model and wrapped in found and wrapped.layer in found
    assert model not in keras_seam.all_layers(model, False)


def test_producer():
    twice = layers.Dense(3)
    inputs = keras.Input((3,))
    outputs = twice(twice(inputs))
    call = keras_seam.producer(outputs)
    assert (call.operation, call.node_index, call.tensor_index) == (twice, 1, 0)
    assert keras_seam.producer(call.inputs[0]).node_index == 0


def test_call_inputs():
    twice = layers.Dense(3)
    inputs = keras.Input((3,))
    hidden = twice(inputs)
    twice(hidden)
    found = keras_seam.call_inputs(twice)
    assert found[0] is inputs and found[1] is hidden


def test_quantization_mode():
    layer = functional().get_layer("last")
    assert keras_seam.quantization_mode(layer) is None
    layer.quantize("int8")
    assert keras_seam.quantization_mode(layer) == "int8"


def test_value_of():
    variable = keras.Variable(1.0)
    with discard_updates([(variable, ops.convert_to_tensor(2.0))]):
        assert float(variable.value) == 2.0
        own = keras_seam.value_of(variable)
        assert float(ops.convert_to_numpy(own)) == 1.0


def test_loss_tracker_is_found_where_a_subclass_hides_it():
    class Net(keras.Model):
        metrics = []

    model = Net()
    assert keras_seam.loss_tracker(model) is None
    model.compile("sgd", "mse")
    assert keras_seam.loss_tracker(model).name == "loss"


@pytest.mark.parametrize("takes_training", [False, True])
def test_compute_loss(takes_training):
    class Net(keras.Model):
        if takes_training:

            def compute_loss(
                self, x, y, y_pred, sample_weight=None, training=None
            ):
                return ("with", training)

        else:

            def compute_loss(self, x, y, y_pred, sample_weight=None):
                return ("without", None)

    result = keras_seam.compute_loss(
        Net(), training=True, x=1, y=2, y_pred=3, sample_weight=None
    )
    assert result == (("with", True) if takes_training else ("without", None))


def test_bare_numbers_come_from_one_hook():
    class Net(keras_seam.SpeaksInScalars, keras.Sequential):
        not_in_scalars = ("mae",)

    x, y = np.ones((4, 3)), np.ones((4, 1))
    model = Net([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    for call in (model.train_on_batch, model.test_on_batch):
        assert np.ndim(call(x, y)) == 0
        assert set(call(x, y, return_dict=True)) == {"loss", "mae"}
    assert np.ndim(model.evaluate(x, y, verbose=0)) == 0


def test_callbacks_beside():
    seen = []

    class Callback(keras.callbacks.Callback):
        def set_model(self, model):
            seen.append(list(keras_seam.callbacks_beside()))

    one = Callback()
    listed = keras.callbacks.CallbackList([one], model=functional())
    assert seen == [listed.callbacks] and one in seen[0]


def test_scope():
    variable = keras.Variable(1.0)
    with keras_seam.Scope([(variable, ops.convert_to_tensor(2.0))]):
        with keras_seam.Scope() as inner:
            held = inner.outer_values()
            assert [float(value) for value in held.values()] == [2.0]
            variable.assign(3.0)
            (change,) = inner.changed_since(held)
            assert float(change[1]) == 3.0


def test_active_scope():
    assert keras_seam.active_scope() is None
    with keras.StatelessScope() as scope:
        assert keras_seam.active_scope() is scope
    assert keras_seam.active_scope() is None


def test_is_symbolic():
    seen = []

    class Look(keras.layers.Layer):
        def call(self, x):
            seen.append(keras_seam.is_symbolic())
            return x

    Look()(ops.ones((1, 2)))
    Look()(keras.KerasTensor((1, 2)))
    assert seen == [False, True]


def test_put_values():
    variable = keras.Variable(1.0)
    values = {id(variable): ops.convert_to_tensor(5.0)}
    keras_seam.put_values(values)
    assert float(variable.value) == 1.0
    with keras.StatelessScope():
        keras_seam.put_values(values)
        assert float(variable.value) == 5.0


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX's trainer")
def test_forget_jax_state():
    model = functional()
    model.compile("sgd", "mse")
    x, y = np.ones((4, 3)), np.ones((4, 2))
    model.train_on_batch(x, y)
    kernel = np.zeros((3, 2), "float32")
    model.get_layer("last").kernel.assign(kernel)
    model._jax_state_synced = False
    keras_seam.forget_jax_state(model)
    model.jax_state_sync()
    np.testing.assert_array_equal(
        ops.convert_to_numpy(model.get_layer("last").kernel), kernel
    )


def test_names_of_the_calls():
    for name in (*keras_seam.CALLS, keras_seam.REMATERIALIZED):
        assert callable(getattr(keras.Operation, name))


def test_is_rematerialized():
    with keras.RematScope(mode="full"):
        assert keras_seam.is_rematerialized(layers.Dense(2))
    assert not keras_seam.is_rematerialized(layers.Dense(2))


def test_is_keras_code():
    class Own(layers.Layer):
        pass

    assert keras_seam.is_keras_code(layers.Dense(2))
    assert not keras_seam.is_keras_code(Own())


def test_seed_states():
    model = keras.Sequential([
        keras.Input((2,)),
        layers.Dense(2),
        layers.Dropout(0.5),
    ])
    model.compile("sgd", "mse", metrics=["mae"])
    (state,) = keras_seam.seed_states(model)
    assert state is model.layers[1].seed_generator.state


def test_symbolic():
    model = functional()
    spec = keras_seam.symbolic({"a": (None, 2), "b": (3,)}, model)
    assert spec["a"].shape == (None, 2) and spec["b"].dtype == "float32"


def own_private_names():
    """Private names that this package itself defines."""
    names = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(
                node.ctx, ast.Store
            ):
                names.add(node.attr)
            elif isinstance(node, ast.AnnAssign | ast.Assign):
                targets = getattr(node, "targets", None) or [node.target]
                names |= {t.id for t in targets if isinstance(t, ast.Name)}
    return names


def foreign_private_names(source, own):
    """Lines of a source that use a private name of somebody else's."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Attribute)
            and node.attr.startswith("_")
            and not node.attr.endswith("__")
            and node.attr not in own
        ):
            yield f"{node.lineno}: {ast.unparse(node)}"


def test_private_names_of_keras_are_in_the_seam_alone():
    # Named tuples, and what GCTrainer sets through `__dict__`.
    allowed = own_private_names() | {"_replace", "_fields", "_asdict"}
    found = {
        str(path.relative_to(PACKAGE)): lines
        for path in PACKAGE.rglob("*.py")
        if path.name != "keras_seam.py"
        and (lines := list(foreign_private_names(path.read_text(), allowed)))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source", ["model._functional", "tensor._keras_history", "self._value"]
)
def test_a_private_name_of_keras_is_seen(source):
    own = own_private_names() - {"_value"}
    assert list(foreign_private_names(source, own))
