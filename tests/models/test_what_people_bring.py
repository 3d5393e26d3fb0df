"""Models, data and habits of users: right, or refused in a sentence."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_gc
from keras_gc import geometric_complexity, jacobian_norms

BACKEND = keras.config.backend()
needs_reversible_embedding = pytest.mark.skipif(
    not hasattr(layers, "ReversibleEmbedding"),
    reason="Keras before 3.12 has no ReversibleEmbedding",
)
EXACT = {"gc_estimator": "exact_reverse"}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 5)).astype("float32")
Y = RNG.integers(0, 3, 12)
CROSSENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def still():
    """An optimizer that leaves the weights as they are."""
    return keras.optimizers.SGD(0.0)


def norm(*dense):
    """The GC of a linear map: the sum of its squared weights."""
    kernels = [ops.convert_to_numpy(layer.kernel) for layer in dense]
    return float(sum((kernel**2).sum() for kernel in kernels))


def state(model):
    """All that training changes, as arrays."""
    variables = [*model.variables, model.optimizer.iterations]
    return [ops.convert_to_numpy(v) for v in variables]


def linear(base=keras_gc.GCModel, **settings):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((5,))
    head = layers.Dense(3)
    model = base(inputs, head(inputs))
    model.compile(**{"optimizer": still(), "loss": CROSSENTROPY, **settings})
    return model, head


class Code(keras_gc.GCModel):
    """A model with code of its own behind one Dense layer."""

    def __init__(self, function, units=3):
        super().__init__()
        self.dense = layers.Dense(units)
        self.function = function

    def call(self, x):
        return self.function(self.dense(x))


# -- probabilities and rows --


def tagger():
    inputs = keras.Input((4, 5))
    tags = layers.TimeDistributed(layers.Dense(3, activation="softmax"))
    return inputs, tags(inputs)


SEQUENCES = RNG.normal(size=(12, 4, 5)).astype("float32")
TAGS = RNG.integers(0, 3, (12, 4))


@pytest.mark.parametrize(
    "asked",
    [{"gc_metric": True}, {"gc_weight": 0.1}, EXACT],
    ids=["metric", "weight", "estimator"],
)
def test_hidden_probabilities_are_refused_and_the_model_is_as_it_was(asked):
    model = keras_gc.GCModel(*tagger())
    model.compile("adam", "sparse_categorical_crossentropy", **asked)
    before = state(model)
    with pytest.raises(ValueError, match="sum to 1"):
        model.fit(SEQUENCES, TAGS, batch_size=4, verbose=0)
    for a, b in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(a, b)
    model.compile("adam", "sparse_categorical_crossentropy", gc_metric=False)
    assert "loss" in model.fit(SEQUENCES, TAGS, verbose=0).history


def test_what_nobody_asked_for_is_left_out_with_one_warning():
    runs = []
    for base in (keras.Model, keras_gc.GCModel):
        keras.utils.set_random_seed(0)
        model = base(*tagger())
        model.compile("adam", "sparse_categorical_crossentropy")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            history = model.fit(
                SEQUENCES, TAGS, batch_size=4, epochs=2, shuffle=False,
                validation_data=(SEQUENCES, TAGS), verbose=0,
            ).history  # fmt: skip
        runs.append((history, state(model)))
        said = [w for w in caught if "not measured" in str(w.message)]
    assert len(said) == 1 and "gc_metric=False" in str(said[0].message)
    assert set(runs[1][0]) == {"loss", "val_loss"}
    np.testing.assert_allclose(
        runs[0][0]["loss"], runs[1][0]["loss"], rtol=1e-6
    )
    for a, b in zip(runs[0][1], runs[1][1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


MIXING = {
    "similarity": lambda z: z @ ops.transpose(z),
    "centred": lambda z: z - ops.mean(z, axis=0, keepdims=True),
    "folded": lambda z: ops.reshape(z, (-1, 1)),
}


@pytest.mark.parametrize("name", MIXING)
def test_rows_that_are_not_single_examples_are_refused(name):
    model = Code(MIXING[name])
    model(X)
    with pytest.raises(ValueError, match="row.* example"):
        jacobian_norms(model, X, estimator="exact_reverse")
    model.compile(still(), lambda y, p: ops.mean(p, axis=-1), gc_metric=True)
    with pytest.raises(ValueError, match="row.* example"):
        model.train_on_batch(X, np.zeros(len(ops.shape(model(X))) and 12))


def test_rows_unknown_to_the_graph_are_counted_when_they_are_known():
    model = Code(lambda z: ops.reshape(z, (-1, 1)))
    model(X)
    model.compile(still(), "mse", gc_metric=True)
    with pytest.raises(ValueError, match="row.* example"):
        batches = ((X, np.zeros((36, 1))) for _ in range(2))
        model.fit(batches, shuffle=False, verbose=0)


# -- randomness and padding --


class AlwaysDropout(layers.Dropout):
    def call(self, inputs, training=None):
        return super().call(inputs, training=True)


def monte_carlo(seed=3):
    head = layers.Dense(3, use_bias=False)
    inputs = keras.Input((4,))
    return keras.Model(
        inputs, head(AlwaysDropout(0.5, seed=seed)(inputs))
    ), head


def test_noise_in_inference_is_fresh_in_each_batch():
    model, head = monte_carlo()
    x = np.ones((1024, 4), "float32")
    norms = jacobian_norms(model, x, seed=0).reshape(32, 32)
    assert len(np.unique(norms.mean(axis=1))) > 16
    # E ||J||^2 = ||W||^2 E (mask / 0.5)^2 = 2 ||W||^2; fails 1 in 16,000.
    estimate = geometric_complexity(model, x, seed=0)
    assert abs(estimate.value - 2 * norm(head)) < 4 * estimate.standard_error


def test_noise_in_inference_is_repeated_by_the_seed_alone():
    model, _ = monte_carlo()
    x = np.ones((64, 4), "float32")
    before = [ops.convert_to_numpy(v) for v in model.variables]
    first, again, other = (jacobian_norms(model, x, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    for a, b in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(a, ops.convert_to_numpy(b))


def padded(steps):
    x = np.zeros((12, steps, 5), "float32")
    x[:, :4] = SEQUENCES
    y = np.zeros((12, steps), "int64")
    y[:, :4] = TAGS
    return x, y


@pytest.mark.parametrize("weight", [0.0, 0.1])
def test_padding_changes_neither_gc_nor_training(weight):
    seen = []
    for steps in (4, 9):
        keras.utils.set_random_seed(0)
        model = keras_gc.GCSequential([
            keras.Input((None, 5)),
            layers.Masking(),
            layers.LSTM(4, return_sequences=True),
            layers.Dense(3),
        ])
        model.compile(
            keras.optimizers.SGD(0.1), CROSSENTROPY, gc_weight=weight, **EXACT
        )
        x, y = padded(steps)
        measured = float(
            geometric_complexity(model, x, estimator="exact_reverse")
        )
        history = model.fit(x, y, batch_size=12, verbose=0).history
        seen.append((measured, history, model.get_weights()))
    assert seen[0][0] == pytest.approx(seen[1][0], rel=1e-5)
    for key in ("loss", "gc"):
        np.testing.assert_allclose(
            seen[0][1][key], seen[1][1][key], rtol=1e-5, err_msg=key
        )
    for a, b in zip(seen[0][2], seen[1][2], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_finite_differences_do_not_move_padding():
    model = keras_gc.GCSequential([
        keras.Input((None, 5)),
        layers.Masking(),
        layers.LSTM(4),
        layers.Dense(3),
    ])
    with pytest.raises(ValueError, match="moved padding"):
        jacobian_norms(model, padded(6)[0], estimator="finite_difference")
    with pytest.raises(ValueError, match="moved padding"):
        model.compile("sgd", CROSSENTROPY, gc_estimator="finite_difference")


# -- a drop-in --


def test_bare_numbers_are_those_of_keras_model():
    ours, _ = linear(metrics=["accuracy"])
    plain, _ = linear(keras.Model, metrics=["accuracy"])
    for call in ("evaluate", "train_on_batch", "test_on_batch"):
        silent = {"verbose": 0} if call == "evaluate" else {}
        a = getattr(ours, call)(X, Y, **silent)
        b = getattr(plain, call)(X, Y, **silent)
        np.testing.assert_allclose(a, b, rtol=1e-6, err_msg=call)
    named = ours.evaluate(X, Y, verbose=0, return_dict=True)
    assert set(named) == {"loss", "accuracy", "gc"}


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
def test_integers_into_a_floating_input_are_cast(dtype):
    model, head = linear(gc_weight=0.1, **EXACT)
    x = np.abs(3 * X).astype(dtype)
    gc = model.fit(x, Y, verbose=0).history["gc"][0]
    assert gc == pytest.approx(norm(head), rel=1e-5)


def test_callbacks_know_that_less_gc_is_better(tmp_path):
    model, _ = linear()
    path = tmp_path / "best.keras"
    stop = keras.callbacks.EarlyStopping("val_gc", patience=1)
    keep = keras.callbacks.ModelCheckpoint(path, "gc", save_best_only=True)
    history = model.fit(
        X, Y, epochs=5, validation_data=(X, Y), callbacks=[stop, keep],
        verbose=0,
    )  # fmt: skip
    assert len(history.epoch) == 2 and path.exists()


@pytest.mark.parametrize("first", [True, False])
def test_our_callback_writes_before_others_read(first):
    model, _ = linear(keras.Model)
    ours = keras_gc.callbacks.GeometricComplexity(X)
    stop = keras.callbacks.EarlyStopping("gc", mode="min", patience=1)
    callbacks = [ours, stop] if first else [stop, ours]
    history = model.fit(X, Y, epochs=5, callbacks=callbacks, verbose=0)
    assert len(history.epoch) == 2


@pytest.mark.filterwarnings("ignore:.*HDF5")
@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_old_h5_files_load(kind, tmp_path):
    if kind == "functional":
        model, _ = linear(loss="mean_squared_error")
    else:
        model = keras_gc.GCSequential([keras.Input((5,)), layers.Dense(3)])
        model.compile("sgd", "mean_squared_error")
    path = str(tmp_path / "model.h5")
    model.save(path)
    loaded = keras.models.load_model(path)
    assert type(loaded) is type(model)
    np.testing.assert_allclose(
        loaded.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6
    )


# -- structures --


@pytest.mark.filterwarnings("ignore:.*structure of `inputs`")
def test_a_column_that_the_model_does_not_take_is_carried_along():
    image = keras.Input((5,), name="image")
    head = layers.Dense(3)
    model = keras_gc.GCModel({"image": image}, head(image))
    model.compile(still(), CROSSENTROPY, gc_weight=0.1, **EXACT)
    x = {"image": X, "row": np.arange(12, dtype="float32")}
    assert float(geometric_complexity(model, x)) == pytest.approx(norm(head))
    gc = model.fit(x, Y, verbose=0).history["gc"][0]
    assert gc == pytest.approx(norm(head), rel=1e-5)


def test_an_optional_input_may_be_none():
    class First(layers.Layer):
        def call(self, x, y=None):
            return x

        def compute_output_shape(self, x_shape, y_shape=None):
            return x_shape

    a, b = keras.Input((5,)), keras.Input((2,), optional=True)
    head = layers.Dense(3)
    model = keras_gc.GCModel([a, b], head(First()(a, b)))
    model.compile(still(), CROSSENTROPY, gc_weight=0.1, **EXACT)
    assert float(geometric_complexity(model, [X, None])) == pytest.approx(
        norm(head)
    )
    logs = model.train_on_batch([X, None], Y, return_dict=True)
    assert logs["gc"] == pytest.approx(norm(head), rel=1e-5)


def test_integer_outputs_beside_the_logits_are_carried_along():
    inputs = keras.Input((5,))
    head = layers.Dense(3)
    logits = head(inputs)
    model = keras.Model(inputs, [logits, ops.argmax(logits, axis=-1)])
    assert float(geometric_complexity(model, X)) == pytest.approx(norm(head))


def test_two_embeddings_are_one_point():
    a, b = (keras.Input((2,), dtype="int32", name=name) for name in "ab")
    both = [
        layers.Flatten()(layers.Embedding(5, 3, name=f"embed_{name}")(x))
        for name, x in (("a", a), ("b", b))
    ]
    head = layers.Dense(3)
    model = keras_gc.GCModel([a, b], head(layers.Concatenate()(both)))
    names = ["embed_a", "embed_b"]
    x = [np.ones((12, 2), "int32"), np.ones((12, 2), "int32")]
    model.compile(
        still(), CROSSENTROPY, gc_inputs=names, gc_weight=0.1, **EXACT
    )
    assert float(geometric_complexity(model, x, inputs=names)) == pytest.approx(
        norm(head)
    )
    gc = model.fit(x, Y, verbose=0).history["gc"][0]
    assert gc == pytest.approx(norm(head), rel=1e-5)


@needs_reversible_embedding
def test_a_tied_embedding_is_measured_from_its_call_on_tokens():
    tokens = keras.Input((4,), dtype="int32")
    tied = layers.ReversibleEmbedding(7, 3, name="tied")
    model = keras.Model(tokens, tied(tied(tokens), reverse=True))
    x = np.array([[1, 2, 3, 4]])
    table = ops.convert_to_numpy(tied.embeddings)
    value = float(geometric_complexity(model, x, inputs="tied"))
    assert value == pytest.approx(4 * float((table**2).sum()), rel=1e-5)


# -- shapes that change --


def test_lengths_may_change_from_batch_to_batch():
    dense = layers.Dense(10, use_bias=False)
    model = keras_gc.GCSequential([keras.Input((None, 40)), dense])
    batches = [
        RNG.normal(size=(16, steps, 40)).astype("float32")
        for steps in (4, 6, 9)
    ]
    right = norm(dense) * np.mean([4, 6, 9])
    exact = geometric_complexity(
        model, iter(batches), estimator="exact_reverse"
    )
    assert float(exact) == pytest.approx(right, rel=1e-5)
    rough = geometric_complexity(model, iter(batches), seed=0)
    assert abs(float(rough) - right) < 5 * rough.standard_error


def test_stateful_layers_with_a_fixed_batch():
    model = keras_gc.GCSequential([
        keras.Input(batch_shape=(4, 3, 5)),
        layers.SimpleRNN(3, stateful=True),
        layers.Dense(3),
    ])
    x = RNG.normal(size=(4, 3, 5)).astype("float32")
    model.compile(still(), CROSSENTROPY, gc_weight=0.1, **EXACT)
    before = float(geometric_complexity(model, x, batch_size=4))
    logs = model.train_on_batch(x, Y[:4], return_dict=True)
    assert logs["gc"] == pytest.approx(before, rel=1e-4)
    model.compile(still(), CROSSENTROPY, gc_weight=0.1, gc_fraction=0.5)
    with pytest.raises(ValueError, match="fixed batch size"):
        model.train_on_batch(x, Y[:4])


# -- interception --


@pytest.mark.skipif(
    BACKEND == "tensorflow", reason="Keras itself cannot train so there"
)
@pytest.mark.parametrize("activation", [None, "softmax"])
def test_rematerialized_layers_are_seen(activation):
    values = []
    for mode in (None, "full"):
        keras.utils.set_random_seed(0)
        with keras.RematScope(mode=mode):
            inputs = keras.Input((5,))
            hidden = layers.Dense(4, "tanh", name=f"hidden_{mode}")(inputs)
            model = keras.Model(inputs, layers.Dense(3, activation)(hidden))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the softmax is stepped over
            values.append([
                float(geometric_complexity(model, X, **names))
                for names in (
                    {},
                    {"outputs": f"hidden_{mode}"},
                    {"inputs": f"hidden_{mode}"},
                )
            ])
    np.testing.assert_allclose(values[0], values[1], rtol=1e-5)


def test_int8_layers_are_measured_with_their_rounded_weights():
    inputs = keras.Input((5,))
    dense = layers.Dense(3)
    model = keras.Model(inputs, dense(inputs))
    before = norm(dense)
    dense.quantize("int8")
    value = float(geometric_complexity(model, X))
    assert value == pytest.approx(before, rel=3e-2) and value != before


@needs_reversible_embedding
def test_quantized_layers_whose_derivative_is_broken_are_refused():
    tied = layers.ReversibleEmbedding(7, 5)
    tied(keras.Input((), dtype="int32"))
    inputs = keras.Input((5,))
    model = keras.Model(inputs, tied(inputs, reverse=True))
    tied.quantize("int8")
    with pytest.raises(ValueError, match="quantized"):
        jacobian_norms(model, X)


@pytest.mark.parametrize(
    "flat",
    [ops.round, ops.stop_gradient, lambda x: ops.cast(x, "int32")],
    ids=["round", "stop", "cast"],
)
def test_a_flat_path_beside_a_live_one_is_said(flat):
    inputs = keras.Input((5,))
    head = layers.Dense(3)
    steps = ops.cast(flat(layers.Dense(3)(inputs)), "float32")
    model = keras.Model(inputs, head(inputs) + steps)
    with pytest.warns(UserWarning, match="does not count"):
        value = float(geometric_complexity(model, X))
    assert value == pytest.approx(norm(head), rel=1e-5)


def test_a_flat_operation_on_tokens_is_no_news():
    tokens, image = keras.Input((2,), dtype="int32"), keras.Input((5,))
    embedded = layers.Flatten()(layers.Embedding(7, 3)(ops.sign(tokens)))
    head = layers.Dense(3)
    model = keras.Model(
        [tokens, image], head(image) + layers.Dense(3)(embedded)
    )
    value = float(geometric_complexity(model, [np.ones((12, 2), int), X]))
    assert value == pytest.approx(norm(head), rel=1e-5)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.function")
def test_a_layer_inside_a_tf_function_is_out_of_sight_and_this_is_said():
    import tensorflow as tf

    class Hidden(keras_gc.GCModel):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(3, name="inner")

        @tf.function
        def call(self, x):
            return self.inner(x)

    model = Hidden()
    model(X)
    with pytest.raises(ValueError, match="tf.function"):
        jacobian_norms(model, X, outputs="inner")


# -- errors leave nothing behind --


class Breaks(layers.Layer):
    """Raises in training where it is told to."""

    broken = True

    def call(self, x, training=False):
        if training and self.broken:
            raise ValueError("an error of the user's own")
        return x


def test_after_an_error_in_the_step_the_model_goes_on():
    breaks = Breaks()
    model = keras_gc.GCSequential([keras.Input((5,)), layers.Dense(3), breaks])
    model.compile("adam", CROSSENTROPY, gc_weight=0.1)
    before = state(model)
    with pytest.raises(ValueError, match="the user's own"):
        model.fit(X, Y, verbose=0)
    for a, b in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(a, b)
    breaks.broken = False
    model.compile("adam", CROSSENTROPY, gc_weight=0.1)
    assert "gc" in model.fit(X, Y, verbose=0).history


# -- precision --


def test_gc_below_the_range_of_float32_is_told():
    tiny = keras.initializers.Constant(1e-7)
    model = keras.Sequential([
        keras.Input((4,)),
        *(layers.Dense(4, kernel_initializer=tiny) for _ in range(4)),
    ])
    value = float(geometric_complexity(model, np.ones((4, 4), "float32")))
    # Each entry of the product of four matrices of 1e-7: 64e-28.
    assert value == pytest.approx(16 * 64e-28**2, rel=1e-5)


# -- a weight that changes --


WEIGHTS = {
    "variable": lambda v: v,
    "closure": lambda v: lambda step: v.value,
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_a_weight_that_a_callback_changes_acts(kind):
    runs = []
    for by_variable in (False, True):
        model, _ = linear(optimizer=keras.optimizers.SGD(0.1), **EXACT)
        if by_variable:
            variable = keras.Variable(0.0, trainable=False)
            model.compile(
                keras.optimizers.SGD(0.1), CROSSENTROPY,
                gc_weight=WEIGHTS[kind](variable), **EXACT,
            )  # fmt: skip
            anneal = keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs, v=variable: v.assign(
                    0.1 * epoch
                )
            )
            model.fit(X, Y, epochs=3, callbacks=[anneal], verbose=0)
        else:
            for epoch in range(3):
                model.fit(X, Y, gc_weight=0.1 * epoch, verbose=0)
        runs.append(model.get_weights())
    for a, b in zip(*runs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_number_that_python_changes_is_refused():
    outside = {"weight": 0.0}
    model, _ = linear(gc_weight=lambda step: outside["weight"])
    with pytest.raises(ValueError, match="keras.Variable"):
        model.fit(X, Y, verbose=0)


# -- watching --


def test_a_layer_that_is_called_in_training_alone():
    class Auxiliary(keras_gc.GCModel):
        def __init__(self):
            super().__init__()
            self.head, self.auxiliary = layers.Dense(3), layers.Dense(2)

        def call(self, x, training=False):
            if training:
                self.add_loss(ops.mean(self.auxiliary(x) ** 2))
            return self.head(x)

    model = Auxiliary()
    model(X, training=True)
    model.compile(still(), CROSSENTROPY, gc_weight=0.1, **EXACT)
    gc = model.fit(X, Y, verbose=0).history["gc"][0]
    assert gc == pytest.approx(norm(model.head), rel=1e-5)


def test_gc_that_is_only_watched_is_measured_on_some_batches():
    calls = []

    class Noted(keras_gc.estimators.ExactReverse):
        def estimate(self, fn, x, seed):
            calls.append(1)
            return super().estimate(fn, x, seed)

    x, y = np.repeat(X, 4, axis=0), np.repeat(Y, 4)
    model, head = linear(
        gc_estimator=Noted(), gc_fraction=0.25, run_eagerly=True
    )
    gc = model.fit(x, y, batch_size=4, verbose=0).history["gc"][0]
    assert gc == pytest.approx(norm(head), rel=1e-5)
    if BACKEND != "jax":  # traces both branches
        assert len(calls) == 3  # batches 0, 4 and 8 of 12


def test_estimators_are_not_shared_between_models():
    sampled = keras_gc.estimators.SampledOutputs()
    one, _ = linear(gc_estimator=sampled)
    other = keras_gc.GCSequential([keras.Input((5,)), layers.Dense(7)])
    other.compile(still(), CROSSENTROPY, gc_estimator=sampled)
    for model in (one, other):
        assert "gc" in model.fit(X, Y, verbose=0).history
    assert sampled.variables == []
