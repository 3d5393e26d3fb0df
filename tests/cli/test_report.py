"""`keras-gc report` and `keras-gc compare`, called as a user would."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_gc
from keras_gc.cli import main


@pytest.fixture
def saved(tmp_path):
    for name in ("first", "second"):
        model = keras_gc.GCSequential([
            keras.Input((64,)),
            layers.Dense(10, activation="softmax"),
        ])
        model.save(tmp_path / f"{name}.keras")
    return model, tmp_path


def test_report_writes_a_page(saved, capsys):
    model, folder = saved
    arguments = ["report", str(folder / "second.keras"), "--dataset", "digits"]
    page = folder / "page.html"
    arguments += ["--max-examples", "60", "--out", str(page)]
    assert main(arguments) == 0
    gc = (model.get_weights()[0] ** 2).sum()
    printed = capsys.readouterr().out
    assert f"GC = {gc:.2f}"[:8] in printed
    assert "60 examples, exact" in printed
    assert "<!DOCTYPE html>" in page.read_text(encoding="utf-8")


def test_report_takes_arrays_with_targets(saved, capsys):
    _, folder = saved
    x = np.random.default_rng(0).uniform(size=(12, 64)).astype("float32")
    np.savez(folder / "data.npz", x=x, y=np.arange(12) % 10)
    arguments = ["report", str(folder / "first.keras")]
    arguments += ["--data", str(folder / "data.npz")]
    assert main([*arguments, "--out", str(folder / "page.html")]) == 0
    assert "accuracy" in capsys.readouterr().out


def test_compare_ranks_saved_models(saved, capsys):
    _, folder = saved
    models = [str(folder / f"{name}.keras") for name in ("first", "second")]
    options = ["--dataset", "digits", "--max-examples", "40"]
    page = folder / "compare.html"
    assert main(["compare", *models, *options, "--out", str(page)]) == 0
    printed = capsys.readouterr().out
    assert "first" in printed
    assert "second" in printed
    assert "2 models compared" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("report nowhere.keras --dataset digits", "no such file"),
        ("report MODEL --data nowhere.npz", "no such file"),
        ("report MODEL --data MODEL.txt", "numpy.savez"),
        ("report MODEL --dataset digits --out .", "--out"),
        ("report MODEL --dataset digits --rtol 0 --out OUT", "rtol"),
        ("compare nowhere.keras --dataset digits", "no such file"),
    ],
)
def test_problems_are_told_in_a_sentence(arguments, sentence, saved, capsys):
    _, folder = saved
    (folder / "first.keras.txt").write_text("no arrays")
    arguments = arguments.replace("MODEL", str(folder / "first.keras"))
    arguments = arguments.replace("OUT", str(folder / "page.html"))
    assert main(arguments.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("keras-gc: ")
    assert sentence in error
    assert "Traceback" not in error
