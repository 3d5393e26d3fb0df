"""Models and checkpoints side by side."""

import numpy as np
import pytest
from keras import layers

import keras_gc
from tests.reporting.models import linear, of_layers
from tests.reporting.test_page import Page

X = np.random.default_rng(0).normal(size=(30, 2)).astype("float32")
Y = np.arange(30) % 2


def _network(scale):
    model = of_layers(
        (2,),
        layers.Dense(2, use_bias=False, name="features"),
        layers.Dense(2, use_bias=False, name="head"),
    )
    # The same function for each scale, with another embedding.
    model.set_weights([scale * np.eye(2), np.eye(2) / scale])
    return model


def test_checkpoints_are_ranked_by_embedding_gc(tmp_path, capsys):
    _network(3.0).save(tmp_path / "strong.keras")
    models = {
        "strong": tmp_path / "strong.keras",
        "weak": _network(0.5),
        "medium": _network(1.0),
    }
    comparison = keras_gc.compare(models, X, Y)
    assert comparison.ranked_by == "embedding GC"
    assert comparison.ranking() == ["weak", "medium", "strong"]
    values = [comparison[name].facts.embedding_gc.value for name in models]
    # Diagonal Jacobians: exact.
    assert values == pytest.approx([18, 0.5, 2], rel=1e-5)
    for name in models:
        assert comparison[name].gc.value == pytest.approx(2, rel=1e-5)

    table = comparison.to_pandas()
    assert table["rank"].to_dict() == {"strong": 3, "weak": 1, "medium": 2}
    assert table.loc["strong", "embedding_gc"] == pytest.approx(18, rel=1e-5)

    comparison.save(tmp_path / "compare.html")
    page = Page((tmp_path / "compare.html").read_text(encoding="utf-8"))
    assert page.text.index("1. weak") < page.text.index("3. strong")
    assert "lowest embedding GC" in page.text
    assert "features" in page.text
    (frame,) = Page(comparison._repr_html_()).tags
    assert frame[0] == "iframe"
    lines = str(comparison).splitlines()
    assert [line.split()[1] for line in lines[1:]] == [
        "weak", "medium", "strong"
    ]  # fmt: skip
    (axes,) = comparison.plot().axes
    assert len(axes.patches) == 3


def test_without_an_embedding_models_are_ranked_by_gc():
    models = {"a": linear(2 * np.eye(2)), "b": linear(np.eye(2))}
    comparison = keras_gc.compare(models, X)
    assert comparison.ranked_by == "GC"
    assert comparison.ranking() == ["b", "a"]


def test_models_see_the_same_examples():
    models = {"a": linear(np.eye(2)), "b": linear(np.eye(2))}
    comparison = keras_gc.compare(models, X, max_examples=7)
    a, b = (comparison[name].facts.indices.tolist() for name in models)
    assert len(a) == 7
    assert a == b


@pytest.mark.parametrize(
    ("models", "x", "sentence"),
    [
        ([1, 2], X, "dict from names"),
        ({}, X, "at least one model"),
        ({"a": 3}, X, "path of a .keras file"),
        ({"a": "nowhere.keras"}, X, "No such file"),
        ({"a": __file__}, X, "whole model"),
        ({"a": linear(np.eye(2))}, iter([X]), "once for each model"),
    ],
)
def test_problems_are_told_in_a_sentence(models, x, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        keras_gc.compare(models, x)
