"""GCModel is a keras.Model: made, subclassed, saved, cloned, exported."""

import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from keras import ops

import keras_gc

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = np.arange(8) % 3
CROSSENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
# With a weight.
LOGS = {"gc", "loss", "loss_without_gc"}


def graph():
    inputs = keras.Input((4,))
    x = keras.layers.Dense(5, activation="relu", name="hidden")(inputs)
    return inputs, keras.layers.Dense(3, name="logits")(x)


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras_gc.GCModel):
    def __init__(self, units=5, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.hidden = keras.layers.Dense(units, activation="relu")
        self.logits = keras.layers.Dense(3)

    def call(self, x):
        return self.logits(self.hidden(x))

    def get_config(self):
        return {"units": self.units, "name": self.name}


@keras.saving.register_keras_serializable(package="tests")
class FunctionalSubclass(keras_gc.GCModel):
    def twice(self, x):
        return 2 * self(x)


@keras.saving.register_keras_serializable(package="tests")
class PlainSubclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.logits = keras.layers.Dense(3)

    def call(self, x):
        return self.logits(x)


def sequential():
    return keras_gc.GCSequential(
        [keras.Input((4,)), keras.layers.Dense(5, activation="relu"),
         keras.layers.Dense(3)]
    )  # fmt: skip


MODELS = {
    "functional": lambda: keras_gc.GCModel(*graph()),
    "subclassed": Subclassed,
    "functional subclass": lambda: FunctionalSubclass(*graph()),
    "sequential": sequential,
    "wrapped": lambda: keras_gc.GCModel.from_model(_built(PlainSubclassed())),
}


def _built(model):
    model(X)
    return model


@pytest.fixture(params=MODELS, ids=str)
def trained(request):
    model = MODELS[request.param]()
    model.compile(
        "adam",
        CROSSENTROPY,
        gc_weight=0.25,
        gc_estimator=keras_gc.estimators.Hutchinson(2),
        gc_fraction=0.5,
    )
    model.fit(X, Y, verbose=0)
    return model


def test_it_trains_with_gc(trained):
    assert set(trained.history.history) == LOGS
    assert np.isfinite(trained.history.history["gc"][0])
    assert isinstance(trained, keras.Model)


def test_classes_are_as_a_user_would_ask():
    assert isinstance(MODELS["functional"](), keras_gc.GCModel)
    assert isinstance(MODELS["subclassed"](), keras_gc.GCModel)
    assert isinstance(MODELS["wrapped"](), keras_gc.GCModel)
    assert isinstance(MODELS["sequential"](), keras.Sequential)
    assert MODELS["functional subclass"]().twice(X).shape == (8, 3)


def test_making_functional_models_disturbs_no_other_class():
    """keras#17270: Keras itself would rewrite the bases of GCModel."""
    bases = keras_gc.GCModel.__bases__
    keras_gc.GCModel(*graph())
    FunctionalSubclass(*graph())
    assert keras_gc.GCModel.__bases__ == bases

    class After(keras_gc.GCModel):
        def __init__(self):
            super().__init__()
            self.layer = keras.layers.Dense(2)

        def call(self, x):
            return self.layer(x)

    assert After()(X).shape == (8, 2)


def test_keyword_arguments_make_functional_models_too():
    inputs, outputs = graph()
    assert keras_gc.GCModel(inputs=inputs, outputs=outputs).layers
    named = keras_gc.GCModel(inputs, outputs=outputs, name="mine")
    assert named.name == "mine"


def test_two_models_do_not_disturb_each_other():
    one, two = MODELS["functional"](), MODELS["functional"]()
    for model, weight in ((one, 0.0), (two, 1.0)):
        model.compile("sgd", CROSSENTROPY, gc_weight=weight)
    one.fit(X, Y, verbose=0)
    two.fit(X, Y, verbose=0)
    assert one.gc_settings.gc_weight == 0.0
    assert two.gc_settings.gc_weight == 1.0
    assert one.gc_tracker is not two.gc_tracker


def test_a_saved_model_loads_with_its_settings(trained, tmp_path):
    path = tmp_path / "model.keras"
    trained.save(path)
    loaded = keras.saving.load_model(path)
    assert type(loaded) is type(trained)
    assert loaded.get_compile_config() == trained.get_compile_config()
    assert loaded.gc_settings.gc_weight == 0.25
    np.testing.assert_allclose(
        ops.convert_to_numpy(loaded(X)), ops.convert_to_numpy(trained(X))
    )
    assert int(loaded.optimizer.iterations) == 1
    history = loaded.fit(X, Y, verbose=0).history
    assert set(history) == LOGS


def test_a_saved_model_loads_in_a_fresh_process(tmp_path):
    model = MODELS["functional"]()
    model.compile("sgd", CROSSENTROPY, gc_weight=0.5)
    model.save(tmp_path / "model.keras")
    code = (
        "import keras, keras_gc; "
        f"model = keras.saving.load_model(r'{tmp_path / 'model.keras'}'); "
        "print(type(model).__name__, model.get_compile_config()['gc_weight'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["GCFunctional", "0.5"]


# A plain model has not trained, and its optimizer has no state to take over.
@pytest.mark.filterwarnings("ignore:Skipping variable loading")
@pytest.mark.parametrize("suffix", [".weights.h5"])
def test_weights_go_to_and_from_plain_keras(suffix, tmp_path):
    plain, model = keras.Model(*graph()), MODELS["functional"]()
    model.compile("sgd", CROSSENTROPY, gc_weight=0.1)
    model.fit(X, Y, verbose=0)
    model.save_weights(tmp_path / f"gc{suffix}")
    plain.load_weights(tmp_path / f"gc{suffix}")
    for a, b in zip(plain.weights, model.weights, strict=True):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(a), ops.convert_to_numpy(b)
        )
    plain.save_weights(tmp_path / f"plain{suffix}")
    model.load_weights(tmp_path / f"plain{suffix}")


def test_the_tracker_is_not_among_the_weights(trained):
    names = [v.path for v in trained.weights]
    assert not any("gc/" in name for name in names)


@pytest.mark.parametrize("name", ["functional", "functional subclass"])
def test_clones_are_gc_models(name):
    clone = keras.models.clone_model(MODELS[name]())
    clone.compile("sgd", CROSSENTROPY, gc_weight=0.1)
    assert set(clone.fit(X, Y, verbose=0).history) == LOGS


def test_config_round_trip():
    model = MODELS["functional"]()
    again = keras_gc.GCModel.from_config(model.get_config())
    assert isinstance(again, keras_gc.GCModel)
    assert [v.shape for v in again.weights] == [v.shape for v in model.weights]


@pytest.mark.skipif(
    keras.config.backend() == "torch", reason="Keras exports from TF and JAX"
)
def test_export_serves_the_predictions(tmp_path):
    tf = pytest.importorskip("tensorflow")
    model = MODELS["functional"]()
    model.compile("sgd", CROSSENTROPY, gc_weight=0.1)
    model.fit(X, Y, verbose=0)
    model.export(tmp_path / "exported", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "exported"))
    np.testing.assert_allclose(
        served.serve(X), ops.convert_to_numpy(model(X)), atol=1e-6
    )


class TestFromModel:
    @pytest.mark.parametrize("kind", ["functional", "sequential", "subclassed"])
    def test_layers_and_weights_are_the_same_objects(self, kind):
        plain = {
            "functional": lambda: keras.Model(*graph()),
            "sequential": lambda: keras.Sequential([
                keras.Input((4,)),
                keras.layers.Dense(3),
            ]),
            "subclassed": lambda: _built(PlainSubclassed()),
        }[kind]()
        model = keras_gc.GCModel.from_model(plain)
        for a, b in zip(plain.weights, model.weights, strict=True):
            assert a is b
        model.compile("sgd", CROSSENTROPY, gc_weight=0.1)
        before = ops.convert_to_numpy(plain(X))
        model.fit(X, Y, verbose=0)
        assert np.abs(ops.convert_to_numpy(plain(X)) - before).max() > 0
        np.testing.assert_allclose(
            ops.convert_to_numpy(model(X)), ops.convert_to_numpy(plain(X))
        )

    def test_a_call_of_ones_own_is_kept(self):
        class Times5(keras.Model):
            def call(self, x, training=None):
                return 5 * super().call(x)

        model = keras_gc.GCModel.from_model(Times5(*graph()))
        kernel, bias, *last = (ops.convert_to_numpy(w) for w in model.weights)
        hidden = np.maximum(X @ kernel + bias, 0)
        expected = 5 * (hidden @ last[0] + last[1])
        np.testing.assert_allclose(model.predict(X), expected, rtol=1e-5)

    def test_a_sequential_model_stays_built(self):
        plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        model = keras_gc.GCModel.from_model(plain)
        assert model.built and model.input_shape == (None, 4)
        with pytest.raises(ValueError, match="nowhere"):
            model.compile("sgd", "mse", gc_outputs="nowhere")

    @pytest.mark.parametrize("kind", ["functional", "sequential"])
    def test_the_dtype_policy_is_kept(self, kind):
        keras.config.set_dtype_policy("mixed_float16")
        try:
            plain = (
                keras.Model(*graph())
                if kind == "functional"
                else keras.Sequential([
                    keras.Input((4,)),
                    keras.layers.Dense(3),
                ])
            )
        finally:
            keras.config.set_dtype_policy("float32")
        model = keras_gc.GCModel.from_model(plain)
        model.compile("sgd", "mse")
        assert model.dtype_policy.name == "mixed_float16"
        assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)

    def test_unbuilt_models_are_refused(self):
        with pytest.raises(ValueError, match="must be built"):
            keras_gc.GCModel.from_model(PlainSubclassed())

    def test_other_things_are_refused(self):
        with pytest.raises(TypeError, match=r"keras\.Model"):
            keras_gc.GCModel.from_model(keras.layers.Dense(2))


def test_a_user_train_step_may_call_ours():
    calls = []

    class Counting(Subclassed):
        def train_step(self, *args):
            calls.append(1)
            return super().train_step(*args)

    model = Counting()
    model.compile("sgd", CROSSENTROPY, gc_weight=0.1, run_eagerly=True)
    assert set(model.fit(X, Y, verbose=0).history) == {"gc", "loss"}
    assert calls


class OwnStep(keras_gc.GCModel):
    """A train step that does nothing, and nothing with GC."""

    def train_step(self, *args):
        if keras.config.backend() == "jax":
            state, _ = args
            return {"loss": ops.zeros(())}, state
        return {"loss": ops.zeros(())}


def test_a_user_train_step_without_ours_is_told_after_a_batch():
    model = OwnStep(*graph())
    model.compile("sgd", CROSSENTROPY, gc_weight=0.1)
    with pytest.warns(UserWarning, match=r"OwnStep.train_step.*super\(\)") as w:
        model.fit(X, Y, batch_size=4, verbose=0)
    assert sum("OwnStep" in str(each.message) for each in w) == 1
    model.compile("sgd", CROSSENTROPY, gc_metric=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert model.fit(X, Y, verbose=0).history["loss"] == [0.0]


def test_callbacks_that_save_and_stop_see_gc(tmp_path):
    model = MODELS["functional"]()
    model.compile("sgd", CROSSENTROPY, gc_weight=0.1)
    model.fit(
        X, Y, epochs=3, validation_data=(X, Y), verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping("val_gc", mode="min"),
            keras.callbacks.ModelCheckpoint(
                tmp_path / "best.keras", monitor="val_gc",
                save_best_only=True, mode="min",
            ),
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        ],
    )  # fmt: skip
    assert (tmp_path / "best.keras").exists()
    assert "val_gc" in (tmp_path / "log.csv").read_text()
