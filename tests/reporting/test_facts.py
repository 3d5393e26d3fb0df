"""What a report says, held against closed forms."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_gc
from tests.reporting.models import linear, mixed_squares, of_layers, squares

A = np.array([[1.0, 2.0, 0.5], [-3.0, 0.0, 1.0]])
X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")


def test_linear_model():
    facts = keras_gc.report(linear(A), X).facts
    assert facts.gc.value == pytest.approx((A**2).sum(), rel=1e-6)
    assert facts.gc.standard_error == pytest.approx(0, abs=1e-6)
    assert facts.gc.num_examples == facts.num_available == 40
    assert (facts.num_inputs, facts.num_outputs) == (3, 2)
    (features,) = facts.inputs
    np.testing.assert_allclose(features.squares, (A**2).sum(0), rtol=1e-6)
    np.testing.assert_allclose(features.deviations, X.std(0), rtol=1e-6)
    scaled = ((A * X.std(0)) ** 2).sum()
    assert facts.gc_per_deviation == pytest.approx(scaled, rel=1e-6)
    assert facts.input_range == (X.min(), X.max())
    assert facts.estimator == "exact"
    assert facts.ranking is None


def test_gc_per_deviation_has_no_input_unit():
    plain = keras_gc.report(linear(A), X).facts
    scaled = keras_gc.report(linear(A / 255), 255 * X).facts
    assert scaled.gc.value == pytest.approx(plain.gc.value / 255**2, rel=1e-5)
    assert scaled.gc_per_deviation == pytest.approx(
        plain.gc_per_deviation, rel=1e-5
    )


def test_norms_examples_and_order():
    facts = keras_gc.report(squares(3), X).facts
    norms = (X**2).sum(1)
    np.testing.assert_allclose(facts.norms, norms, rtol=1e-5)
    assert facts.indices.tolist() == list(range(40))
    order = np.argsort(norms)
    assert [e.index for e in facts.largest] == order[::-1][:20].tolist()
    assert [e.index for e in facts.smallest] == order[:20].tolist()
    for example in (*facts.largest, *facts.smallest):
        np.testing.assert_array_equal(example.x, X[example.index])
        assert example.norm == pytest.approx(norms[example.index], rel=1e-5)
    assert facts.gc.standard_error == pytest.approx(
        norms.std(ddof=1) / 40**0.5, rel=1e-5
    )
    np.testing.assert_allclose(
        facts.inputs[0].squares, (X**2).mean(0), rtol=1e-5
    )


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_batches_do_not_matter(batch_size):
    facts = keras_gc.report(squares(3), X, batch_size=batch_size).facts
    np.testing.assert_allclose(facts.norms, (X**2).sum(1), rtol=1e-5)
    np.testing.assert_allclose(facts.inputs[0].deviations, X.std(0), rtol=1e-5)


def test_forward_mode_where_inputs_are_few():
    matrix = np.random.default_rng(1).normal(size=(300, 3))
    facts = keras_gc.report(mixed_squares(matrix), X).facts
    expected = (matrix**2).sum(0) * X**2
    assert facts.estimator == "exact"
    np.testing.assert_allclose(facts.norms, expected.sum(1), rtol=1e-4)
    np.testing.assert_allclose(
        facts.inputs[0].squares, expected.mean(0), rtol=1e-4
    )


def test_probes_where_both_are_many():
    rng = np.random.default_rng(2)
    matrix = rng.normal(size=(260, 270)) / 16
    x = rng.uniform(0.2, 1, size=(64, 1)) * rng.normal(size=(64, 270))
    facts = keras_gc.report(mixed_squares(matrix), x.astype("float32")).facts
    expected = (matrix**2).sum(0) * x**2
    assert "32 probes" in facts.estimator
    # The norms differ by a factor of 25; 32 probes order them well.
    assert 0.9 < facts.ranking < 1
    error = facts.norms / expected.sum(1) - 1
    assert 0 < np.abs(error).max() < 0.6  # one: sqrt(2/260/32) = 1.6%, K = 260
    assert facts.gc.value == pytest.approx(expected.sum(1).mean(), rel=0.02)
    total = facts.inputs[0].squares.sum()
    assert total == pytest.approx(facts.gc.value, rel=1e-5)


LABELS = np.array([0, 1, 1, 0, 1])
POINTS = np.array([[2, 1], [1, 3], [4, 2], [5, 1], [1, 6]], "float32")
# f(x) = x^2 / 2: predictions 0, 1, 0, 0, 1; norms 5, 10, 20, 26, 37.


@pytest.mark.parametrize(
    "y",
    [
        LABELS,
        LABELS[:, None],
        LABELS.astype("float32"),
        np.eye(2)[LABELS],
        np.eye(2, dtype="int64")[LABELS],
    ],
    ids=["ids", "column", "floats", "one-hot", "one-hot ints"],
)
def test_classes_right_and_wrong_by_hand(y):
    facts = keras_gc.report(
        squares(2), POINTS, y, class_names=["cat", "dog"]
    ).facts
    assert {g.name: g.gc.value for g in facts.groups} == pytest.approx({
        "cat": (5 + 26) / 2,
        "dog": (10 + 20 + 37) / 3,
        "right": (5 + 10 + 26 + 37) / 4,
        "wrong": 20,
    })
    assert [g.gc.num_examples for g in facts.groups] == [2, 3, 4, 1]
    assert facts.accuracy == pytest.approx(0.8)
    accuracies = [g.accuracy for g in facts.groups if g.kind == "class"]
    assert accuracies == pytest.approx([1, 2 / 3])
    assert facts.labels == ("cat", "dog", "dog", "cat", "dog")
    assert facts.predictions == ("cat", "dog", "cat", "cat", "dog")
    assert [e.is_right for e in facts.largest] == [
        True,
        True,
        False,
        True,
        True,
    ]


def test_margin_is_that_of_the_theory():
    facts = keras_gc.report(squares(2), POINTS, LABELS).facts
    expected = keras_gc.theory.margin_normalized_gc(squares(2), POINTS, LABELS)
    assert facts.margin_normalized_gc == pytest.approx(expected, rel=1e-6)


def test_one_logit_is_a_class_or_a_number():
    model = linear([[1.0, -1.0]])
    facts = keras_gc.report(model, POINTS, [1, 0, 0, 1, 1]).facts
    assert facts.task == "classes"
    assert facts.predictions == ("1", "0", "1", "1", "0")
    assert facts.accuracy == pytest.approx(3 / 5)
    facts = keras_gc.report(model, POINTS, [1.5, -2, 2, 4, 0]).facts
    assert facts.task == "numbers"
    assert facts.accuracy is None
    errors = np.array([0.5, 0, 0, 0, 5]) ** 2
    assert facts.mean_squared_error == pytest.approx(errors.mean())


def test_regression_is_grouped_by_error():
    x = np.arange(1.0, 9.0, dtype="float32")[:, None]  # f = x^2/2, norms x^2
    y = x[:, 0] ** 2 / 2 + np.array([8, 7, 6, 5, 4, 3, 2, 1])
    facts = keras_gc.report(squares(1), x, y + 0.25).facts
    assert [g.kind for g in facts.groups] == ["error"] * 4
    means = [g.gc.value for g in facts.groups]
    assert means == pytest.approx([56.5, 30.5, 12.5, 2.5])


def test_by_layer():
    model = of_layers(
        (3,),
        layers.Dense(3, use_bias=False, name="diagonal"),
        layers.Dense(2, use_bias=False, name="last", activation="softmax"),
    )
    # Rademacher vectors measure a diagonal Jacobian without error.
    model.set_weights([np.diag([1.0, 2.0, 3.0]), A.T])
    report = keras_gc.report(model, X)
    first, last = report.facts.layers
    assert (first.name, first.kind, first.output_shape) == (
        "diagonal", "Dense", (3,)
    )  # fmt: skip
    assert first.gc.value == pytest.approx(14, rel=1e-5)
    product = A @ np.diag([1, 2, 3])
    assert last.gc.value == pytest.approx((product**2).sum(), rel=1e-5)
    assert (last.output_shape, last.num_weights) == ((2,), 6)
    assert report.facts.embedding == "diagonal"
    with pytest.warns(UserWarning, match="stepped over"):
        bound = keras_gc.theory.transfer_bound(model, X[:16])
        spectral = keras_gc.theory.spectral_bound(model)
    total = sum(bound.factors.values())
    for layer in (first, last):
        expected = (bound.factors[layer.name] / total).mean()
        assert layer.share == pytest.approx(expected, rel=1e-5)
    norm = np.linalg.norm(product, 2)
    assert report.facts.lipschitz_lower_bound == pytest.approx(norm, rel=1e-4)
    assert last.gc.value < spectral
    assert report.facts.spectral_bound == pytest.approx(spectral, rel=1e-3)
    assert any("stepped over" in note for note in report.facts.notes)


def test_layers_are_estimated_without_bias():
    rng = np.random.default_rng(3)
    model = of_layers(
        (4,),
        layers.Dense(6, "tanh", name="first"),
        layers.Dense(5, "tanh", name="second"),
        layers.Dense(3),
    )
    x = rng.normal(size=(128, 4)).astype("float32")
    facts = keras_gc.report(model, x).facts
    for layer in facts.layers[:2]:
        exact = keras_gc.geometric_complexity(
            model, x, outputs=layer.name, estimator="exact_reverse"
        )
        # 128 examples, 2 probes each: 0.1 is five standard errors.
        assert layer.gc.value == pytest.approx(exact.value, rel=0.1)


def test_tokens_are_measured_from_the_embedding():
    model = keras.Sequential([
        keras.Input((5,), dtype="int32"),
        layers.Embedding(9, 2, name="embedding"),
        layers.Flatten(),
        layers.Dense(3, name="last"),
    ])
    tokens = np.random.default_rng(4).integers(0, 9, (12, 5))
    facts = keras_gc.report(
        model, tokens, np.arange(12) % 3, inputs="embedding"
    ).facts
    kernel = model.get_layer("last").get_weights()[0]
    assert facts.gc.value == pytest.approx((kernel**2).sum(), rel=1e-5)
    (steps,) = facts.inputs
    assert (steps.kind, steps.squares.shape) == ("sequence", (5, 2))
    np.testing.assert_allclose(
        steps.squares.ravel(), (kernel**2).sum(1), rtol=1e-5
    )
    assert [layer.name for layer in facts.layers] == ["last"]
    assert facts.largest[0].x.dtype.kind == "i"
    with pytest.raises(TypeError, match="embedding"):
        keras_gc.report(model, tokens)


def test_outputs_name_an_embedding():
    model = of_layers(
        (3,), layers.Dense(4, name="features"), layers.Dense(2, name="head")
    )
    facts = keras_gc.report(
        model, X, np.arange(40) % 2, outputs="features"
    ).facts
    kernel = model.layers[0].get_weights()[0]
    assert facts.gc.value == pytest.approx((kernel**2).sum(), rel=1e-5)
    assert facts.accuracy is None
    assert [g.name for g in facts.groups] == ["0", "1"]
    assert facts.measured_to == "features"


def test_data_frame_names_its_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["age", "height", "weight"])
    labels = pandas.Series(np.arange(40) % 2)
    facts = keras_gc.report(linear(A), frame, labels).facts
    assert facts.inputs[0].columns == ("age", "height", "weight")
    assert facts.inputs[0].kind == "table"
    assert facts.task == "classes"


def test_inputs_by_name_become_one_table():
    tensors = {n: keras.Input((1,), name=n) for n in ("height", "age")}
    joined = layers.Concatenate()([tensors["height"], tensors["age"]])
    head = layers.Dense(1, use_bias=False)
    model = keras.Model(tensors, head(joined))
    head.set_weights([np.array([[2.0], [3.0]])])
    x = {"height": X[:, :1], "age": X[:, 1:2]}
    (table,) = keras_gc.report(model, x).facts.inputs
    found = dict(zip(table.columns, table.squares, strict=True))
    assert found == pytest.approx({"height": 4, "age": 9}, rel=1e-5)
    deviations = dict(zip(table.columns, table.deviations, strict=True))
    assert deviations["age"] == pytest.approx(X[:, 1].std(), rel=1e-5)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((3,), "table"),
        ((9, 9), "image"),
        ((9, 9, 2), "image"),
        ((20, 3), "sequence"),
    ],
)
def test_kinds_of_inputs(shape, kind):
    model = of_layers(shape, layers.Flatten(), layers.Dense(2))
    x = np.random.default_rng(5).normal(size=(6, *shape)).astype("float32")
    (one,) = keras_gc.report(model, x).facts.inputs
    assert (one.kind, one.squares.shape) == (kind, shape)


def batches_of(x, y, size=16):
    return [
        (x[at : at + size], y[at : at + size]) for at in range(0, len(x), size)
    ]


class Batches(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


@pytest.mark.parametrize("kind", [iter, Batches])
def test_batches_bring_their_targets(kind):
    y = np.arange(40) % 2
    expected = keras_gc.report(linear(A), X, y).facts
    facts = keras_gc.report(linear(A), kind(batches_of(X, y))).facts
    assert facts.labels == expected.labels
    assert facts.accuracy == expected.accuracy
    assert facts.indices.tolist() == list(range(40))
    np.testing.assert_allclose(facts.norms, expected.norms)
    shown = facts.largest[3]
    np.testing.assert_array_equal(shown.x, X[shown.index])


def test_max_examples_and_rtol_bound_the_work():
    facts = keras_gc.report(squares(3), X, max_examples=10, seed=1).facts
    again = keras_gc.report(squares(3), X, max_examples=10, seed=1).facts
    assert len(facts.norms) == 10
    assert facts.indices.tolist() == again.indices.tolist()
    assert facts.indices.tolist() != list(range(10))
    np.testing.assert_allclose(
        facts.norms, (X[facts.indices] ** 2).sum(1), rtol=1e-5
    )
    x = np.tile(X, (10, 1))
    facts = keras_gc.report(squares(3), x, rtol=0.5).facts
    assert len(facts.norms) == 64
    stream = keras_gc.report(squares(3), iter([X, X]), max_examples=50).facts
    assert stream.indices.tolist() == list(range(50))


def test_the_model_is_left_as_it_was():
    model = of_layers(
        (3,), layers.Dense(4), layers.BatchNormalization(), layers.Dense(2)
    )
    before = [w.copy() for w in model.get_weights()]
    keras_gc.report(model, X)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def _two_headed():
    x = keras.Input((2,))
    return keras.Model(x, [layers.Dense(1)(x), layers.Dense(2)(x)])


@pytest.mark.parametrize(
    ("model", "y", "sentence"),
    [
        (lambda: squares(2), [0, 1], "one row for each example"),
        (lambda: squares(2), [0, 1, 2, 0, 1], "below the number of outputs"),
        (lambda: squares(2), ["a"] * 5, "class_names"),
        (lambda: squares(2), np.ones((5, 2)), "several labels"),
        (lambda: squares(2), np.full((5, 3), 0.5), "a number for each output"),
        (_two_headed, LABELS, "several outputs"),
        (
            lambda: of_layers((2,), layers.Reshape((2, 1))),
            LABELS,
            "more than one axis",
        ),
    ],
    ids=["length", "range", "strings", "multi-label", "shape", "heads", "rank"],
)
def test_targets_that_fit_nothing_are_refused(model, y, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        keras_gc.report(model(), POINTS, y)


def test_models_with_several_outputs_are_measured_without_targets():
    model = _two_headed()
    facts = keras_gc.report(model, POINTS).facts
    kernels = [layer.get_weights()[0] for layer in model.layers[1:]]
    expected = sum((kernel**2).sum() for kernel in kernels)
    assert facts.gc.value == pytest.approx(expected, rel=1e-5)
    assert facts.predictions == ()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"max_examples": 0}, "max_examples"),
        ({"rtol": -1}, "rtol"),
        ({"verbose": -1}, "verbose"),
        ({"inputs": "nothing"}, "nothing"),
        ({"class_names": ["one"], "y": [0, 1, 0, 1, 0]}, "class_names"),
        ({"x": iter([POINTS]), "y": LABELS}, "batches"),
    ],
)
def test_arguments_out_of_range_are_told(arguments, sentence):
    arguments = {"x": POINTS} | arguments
    with pytest.raises((ValueError, TypeError), match=sentence):
        keras_gc.report(squares(2), **arguments)


def test_the_name_is_the_function_whoever_imports_what():
    import keras_gc.reporting.facts  # noqa: F401
    from keras_gc import compare, report

    assert callable(report)
    assert report is keras_gc.report
    assert compare is keras_gc.compare
    with pytest.raises(ModuleNotFoundError):
        import keras_gc.report  # noqa: F401
