"""The page, the tables and the plots: all that facts say, and nothing else."""

import html.parser
import re

import keras
import numpy as np
import pytest
from keras import layers

import keras_gc
from keras_gc.reporting.facts import Mean
from keras_gc.reporting.text import mean, number
from tests.reporting.models import linear, mixed_squares, of_layers

RNG = np.random.default_rng(0)
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(html.parser.HTMLParser):
    """Every tag is closed in turn, every id is there once."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.tags, self.words = [], [], [], []
        self.styles = []
        self.feed(text)
        self.close()
        assert self.open == []
        assert len(set(self.ids)) == len(self.ids)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        (self.styles if "style" in self.open else self.words).append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def count(self, wanted):
        return sum(tag == wanted for tag, _ in self.tags)


def _images():
    model = of_layers(
        (8, 8, 1),
        layers.Conv2D(2, 3),
        layers.Flatten(),
        layers.Dense(3, "softmax"),
        name="images>co",
    )
    x = RNG.uniform(size=(50, 8, 8, 1)).astype("float32")
    return keras_gc.report(
        model, x, np.arange(50) % 3, class_names=["a", "b", "<c>"]
    )


def _table():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(RNG.normal(size=(45, 2)), columns=["age", "x > y"])
    return keras_gc.report(linear([[1.0, 2.0]]), frame, RNG.normal(size=45))


def _series():
    model = of_layers((12, 2), layers.Flatten(), layers.Dense(2))
    return keras_gc.report(model, RNG.normal(size=(9, 12, 2)).astype("float32"))


def _tokens():
    model = keras.Sequential([
        keras.Input((5,), dtype="int32"),
        layers.Embedding(9, 2, name="embedding"),
        layers.Flatten(),
        layers.Dense(3),
    ])
    tokens = RNG.integers(0, 9, (12, 5))
    return keras_gc.report(model, tokens, inputs="embedding")


def _estimates():
    model = mixed_squares(RNG.normal(size=(260, 270)) / 16)
    return keras_gc.report(model, RNG.normal(size=(30, 270)).astype("float32"))


KINDS = {
    "images": _images, "table": _table, "series": _series, "tokens": _tokens,
    "estimates": _estimates,
}  # fmt: skip


@pytest.fixture(scope="module")
def reports():
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = KINDS[kind]()
        return made[kind]

    return get


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_whole_and_needs_nothing_else(kind, reports, tmp_path):
    report = reports(kind)
    report.save(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?:|//[a-z]", text)
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe"}
        assert attributes.get("src", "data:").startswith("data:")
    assert "prefers-color-scheme: dark" in "".join(page.styles)
    assert mean(report.gc).split(" ± ")[0] in page.text
    for warning in report.warnings:
        assert warning in page.text
    shown = len(report.facts.largest) + len(report.facts.smallest)
    assert page.count("figure") == shown
    assert text == report.to_html()  # same facts, same page


def test_charts_take_the_colours_of_the_page(reports):
    text = reports("images").to_html()
    (chart,) = re.findall(r"<svg.*?</svg>", text, flags=re.S)
    assert "var(--accent)" in chart
    assert not re.search(r"#0\d0\d0\d", chart)
    style = text[text.index("<style>") : text.index("</style>")]
    used = set(re.findall(r"var\((--[\w-]+)\)", text))
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    for name in used:
        assert f"{name}:" in light
        assert f"{name}:" in dark


def test_images_are_pictures_with_labels_and_predictions(reports):
    report = reports("images")
    page = Page(report.to_html())
    assert page.count("img") == 1 + 20 + 20  # the map, the examples
    assert "images>co" in page.text
    wrong = next(e for e in report.facts.largest if not e.is_right)
    assert f"✗ {wrong.label} → {wrong.prediction}" in page.text


def test_a_table_names_its_columns(reports):
    page = Page(reports("table").to_html())
    assert page.count("img") == 0
    assert "x > y" in page.text
    assert "By squared error" in page.text


def test_estimates_say_that_they_are_and_how_noisy(reports):
    report = reports("estimates")
    rho = number(report.facts.ranking)
    page = Page(report.to_html())
    assert "unbiased estimate (Rademacher, 32 probes" in page.text
    assert f"with a correlation of {rho} (Spearman)" in page.text
    assert page.text.count(f"agree on the order by {rho}") == 2
    assert "is exact" not in page.text


def test_a_notebook_shows_the_page_in_a_frame(reports):
    (frame,) = Page(reports("images")._repr_html_()).tags
    assert frame[0] == "iframe"
    assert Page(frame[1]["srcdoc"]).count("section") > 3


def test_print_is_short(reports):
    lines = str(reports("images")).splitlines()
    assert lines[0].startswith("images>co: GC = ")
    assert len(lines) < 12
    assert "GCReport" in repr(reports("images"))


def test_tables_hold_the_facts(reports):
    pytest.importorskip("pandas")
    report = reports("images")
    facts = report.facts
    summary = report.to_pandas()
    assert summary["gc"].tolist() == [facts.gc.value]
    assert summary["accuracy"].tolist() == [facts.accuracy]
    examples = report.to_pandas("examples")
    np.testing.assert_array_equal(examples["norm"], facts.norms)
    assert examples["label"].tolist() == list(facts.labels)
    groups = report.to_pandas("groups").set_index("name")
    assert groups.loc["right", "gc"] == facts.groups[-2].gc.value
    layer = report.to_pandas("layers").iloc[-1]
    assert layer["gc"] == facts.gc.value
    inputs = report.to_pandas("inputs")
    assert inputs["mean_squared_derivative"].sum() == pytest.approx(
        facts.gc.value, rel=1e-5
    )
    assert inputs["entry"][9] == (1, 1, 0)
    with pytest.raises(ValueError, match="summary"):
        report.to_pandas("nothing")


@pytest.mark.parametrize("kind", KINDS)
def test_plot_draws_every_part(kind, reports):
    facts = reports(kind).facts
    figure = reports(kind).plot()
    figure.canvas.draw()
    parts = 1 + bool(facts.groups) + bool(facts.layers) + len(facts.inputs)
    drawn = [a for a in figure.axes if a.has_data() and a.get_label() == ""]
    assert len(drawn) == parts
    heights = [patch.get_height() for patch in figure.axes[0].patches]
    assert sum(heights) == len(facts.norms)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (104.2273, "104"),
        (0.0654321, "0.0654"),
        (123456.7, "123,457"),
        (2.615e7 + 0.5, "2.62 × 10⁷"),
        (5.4e-4, "5.40 × 10⁻⁴"),
        (float("nan"), "–"),
        (float("inf"), "∞"),
        (None, "–"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (104.2273, 0.976, "104.23 ± 0.98"),
        (134635.2, 4820.1, "134,600 ± 4,800"),
        (0.29004, 0.000542, "0.29004 ± 0.00054"),
        (6.0, 0.0, "6 ± 0"),
        (6.0, float("nan"), "6"),
    ],
)
def test_means_have_as_many_digits_as_their_error(value, error, text):
    assert mean(Mean(value, error, 10)) == text
