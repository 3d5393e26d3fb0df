import importlib
import json

import numpy as np
import pytest

from keras_gc import experiments, plots
from keras_gc.experiments.store import Store, write_json
from keras_gc.plots import style
from keras_gc.plots.results import Results, curves, points
from tests.experiments.fake_rows import fake_rows


def fake_results(name, out):
    experiment = experiments.get(name)
    store = Store(out / name)
    store.create(experiment.config("mnist", "small", 3))
    for row in fake_rows(experiment, "small"):
        store.append(row)
    verdict = experiment.verdict(store.rows())
    write_json(store.folder / "verdict.json", verdict.to_dict())


def drawn(name, out):
    """The figure, not written to files, which takes longer."""
    module = importlib.import_module(f"keras_gc.plots.{plots.FIGURES[name]}")
    return getattr(module, plots.FIGURES[name])(Results.read(out / name))


def test_every_experiment_has_a_figure():
    assert tuple(plots.FIGURES) == experiments.NAMES


def num_drawn(figure):
    """How many points all lines and bars of a figure show."""
    lines = [line for axes in figure.axes for line in axes.lines]
    return sum(np.isfinite(line.get_ydata()).sum() for line in lines)


# One experiment for each kind of figure, and one of two series.
ONE_OF_EACH = {kind: name for name, kind in plots.FIGURES.items()}
each_kind = pytest.mark.parametrize("name", [*ONE_OF_EACH.values(), "flatness"])


@each_kind
def test_figures_are_drawn_from_files_as_vectors_and_pixels(name, tmp_path):
    fake_results(name, tmp_path)
    files = plots.plot(name, tmp_path)
    assert [file.name for file in files] == [f"{name}.pdf", f"{name}.png"]
    starts = [file.read_bytes()[:4] for file in files]
    assert starts == [b"%PDF", b"\x89PNG"]


def test_the_same_files_give_the_same_figure(tmp_path):
    fake_results("double_descent", tmp_path)
    first = [
        file.read_bytes() for file in plots.plot("double_descent", tmp_path)
    ]
    again = [
        file.read_bytes() for file in plots.plot("double_descent", tmp_path)
    ]
    assert first == again


def test_a_figure_of_half_a_grid_needs_no_verdict(tmp_path):
    fake_results("learning_rate", tmp_path)
    folder = tmp_path / "learning_rate"
    (folder / "verdict.json").unlink()
    rows = (folder / "rows.jsonl").read_text().splitlines(keepends=True)
    (folder / "rows.jsonl").write_text("".join(rows[:5]) + rows[5][:40])
    assert len(Results.read(folder).rows) == 5
    assert Results.read(folder).title == "learning rate, mnist, scale small"
    plots.plot("learning_rate", tmp_path)


# At each of these points a grid of some kind has a series without any run, a
# series with one setting, or only runs of strength 0.
@pytest.mark.parametrize("finished", [1, 4, 11, 16, 31])
@each_kind
def test_any_half_of_a_grid_has_a_figure(name, finished, tmp_path):
    fake_results(name, tmp_path)
    rows_file = tmp_path / name / "rows.jsonl"
    rows = rows_file.read_text().splitlines(keepends=True)
    rows_file.write_text("".join(rows[:finished]))
    (tmp_path / name / "verdict.json").unlink()
    assert num_drawn(drawn(name, tmp_path)) >= finished


@each_kind
def test_a_setting_that_diverged_draws_no_false_points(name, tmp_path):
    fake_results(name, tmp_path)
    rows_file = tmp_path / name / "rows.jsonl"
    rows = [json.loads(row) for row in rows_file.read_text().splitlines()]
    for row in rows[-6:]:  # the last settings
        for record in (row["result"], *row["result"]["curve"][1:]):
            for quantity, number in record.items():
                if isinstance(number, float) and quantity != "least_gc":
                    record[quantity] = None
    rows_file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = [line for axes in drawn(name, tmp_path).axes for line in axes.lines]
    assert lines
    # Matplotlib takes "o" in `plot([], "o")` for the data of a line.
    for line in lines:
        assert not any(isinstance(y, str) for y in line.get_ydata())


def test_a_folder_without_runs_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="reproduce margin --out"):
        plots.plot("margin", tmp_path)
    Store(tmp_path / "margin").create(
        experiments.get("margin").config("mnist", "small", 3)
    )
    with pytest.raises(FileNotFoundError, match="--resume"):
        plots.plot("margin", tmp_path)


def test_axis_labels_name_quantity_and_unit(tmp_path):
    fake_results("explicit", tmp_path)
    labels = [axes.get_ylabel() for axes in drawn("explicit", tmp_path).axes]
    gc = "GC [(logit / input unit)²]"
    assert labels == [gc, gc, "test accuracy"]


def test_points_leave_out_runs_that_diverged():
    rows = [
        {"setting": {"depth": 2}, "result": {"gc": None}},
        {"setting": {"depth": 1}, "result": {"gc": 3.0}},
    ]
    assert points(rows, "depth", "gc") == [(1, 3.0)]


def test_curves_gather_the_runs_recorded_at_each_step():
    rows = [
        {"result": {"curve": [{"step": 0, "gc": 1.0}, {"step": 2, "gc": 3.0}]}},
        {
            "result": {
                "curve": [{"step": 0, "gc": 2.0}, {"step": 3, "gc": None}]
            }
        },
    ]
    assert curves(rows, "gc") == {0: [1.0, 2.0], 2: [3.0]}


@pytest.mark.parametrize(
    "values, scale",
    [
        ([1.0, 4.0], "linear"),
        ([1.0, 40.0], "log"),
        ([0.0, 1.0, 4.0], "linear"),
        ([0.0, 1.0, 40.0], "symlog"),
        ([-1.0, 1.0, 40.0], "linear"),
        ([0.0, 0.0], "linear"),
    ],
)
def test_a_log_scale_shows_every_point_zero_too(values, scale):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    axes.plot(range(len(values)), values, "o")
    style.log_if_wide(axes)
    assert axes.get_yscale() == scale
    low, high = axes.get_ylim()
    assert low < min(values) and max(values) < high


def test_runs_outside_the_axes_of_all_heuristics_are_counted(tmp_path):
    fake_results("regularizers", tmp_path)
    rows_file = tmp_path / "regularizers" / "rows.jsonl"
    rows = [json.loads(row) for row in rows_file.read_text().splitlines()]
    for place, row in enumerate(rows):
        row["result"]["gc"] = 10.0 + place // 3  # the same for all seeds
    rows[0]["result"]["gc"] = 1e9  # of the runs without any heuristic
    rows[-1]["result"]["gc"] = None
    rows_file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    figure = drawn("regularizers", tmp_path)
    assert figure.axes[0].get_title() == "2 of 75 runs not shown"


@pytest.mark.parametrize(
    "values, shows_all",
    [([1, 2, 3, 4, 5, 3e8], False), ([1, 2, 3, 4, 5, 30], True)],
    ids=["far out", "one of them"],
)
def test_one_value_far_out_does_not_rule_an_axis(values, shows_all):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    axes.plot(range(len(values)), values, "o")
    axes.set_yscale("log")
    style.leave_out_far(axes, "y", values)
    low, top = axes.get_ylim()
    assert low < 1 and 5 < top
    assert (top > values[-1]) == shows_all


def test_each_heuristic_has_a_colour_and_a_marker_of_its_own():
    from keras_gc.experiments.claims.regularizers import STRENGTHS

    assert len(set(style.COLORS)) >= len(STRENGTHS)
    assert len(set(style.MARKERS)) >= len(STRENGTHS)
