"""The commands, called as a user would."""

import json

import keras
import numpy as np
import pytest

import keras_gc
from keras_gc.cli import main


def test_demo_prints_a_table_and_writes_a_figure(tmp_path, capsys):
    out = str(tmp_path / "demo")
    arguments = "demo --epochs 2 --max-train 200 --weights 0 0.1 --out"
    assert main([*arguments.split(), out]) == 0
    printed = capsys.readouterr().out
    assert "gc_weight" in printed
    assert "plain Keras" in printed
    rows = (tmp_path / "demo" / "digits.jsonl").read_text().splitlines()
    rows = [json.loads(row) for row in rows]
    assert [row["gc_weight"] for row in rows] == [None, 0.0, 0.1]
    assert rows[2]["gc"] < rows[1]["gc"]
    for suffix in ("pdf", "png"):
        assert (tmp_path / "demo" / f"digits.{suffix}").stat().st_size > 1000


@pytest.fixture
def saved(tmp_path):
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(10, activation="softmax"),
    ])
    model.save(tmp_path / "model.keras")
    return model, tmp_path / "model.keras"


def test_measure_prints_gc_of_a_dataset(saved, capsys):
    model, path = saved
    with pytest.warns(UserWarning, match="stepped over"):
        assert main(["measure", str(path), "--dataset", "digits"]) == 0
    gc = (model.get_weights()[0] ** 2).sum()
    assert f"GC = {gc:.4g} ±" in capsys.readouterr().out


def test_measure_takes_arrays(saved, tmp_path, capsys):
    model, path = saved
    np.savez(tmp_path / "data.npz", x=np.ones((5, 64), "float32"))
    data = str(tmp_path / "data.npz")
    with pytest.warns(UserWarning, match="stepped over"):
        assert main(["measure", str(path), "--data", data]) == 0
    assert "(5 examples, exact)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("measure nowhere.keras --dataset digits", "No such file"),
        ("demo --dataset imagenet", "imagenet"),
        ("demo --epochs 0", "epochs"),
        ("demo --weights -1", "weights"),
        ("plot explicit nowhere", "nowhere"),
        ("reproduce nothing", "nothing"),
    ],
)
def test_problems_are_told_in_a_sentence(arguments, sentence, capsys):
    assert main(arguments.split()) == 1
    error = capsys.readouterr().err
    assert error.startswith("keras-gc: ")
    assert sentence in error
    assert "Traceback" not in error


def test_bench_times_each_path_over_the_plain_step(tmp_path, capsys):
    out = tmp_path / "bench.jsonl"
    arguments = "bench --networks mlp --repeats 1 --batch-size 4 --out"
    assert main([*arguments.split(), str(out)]) == 0
    assert "one probe" in capsys.readouterr().out
    rows = [json.loads(row) for row in out.read_text().splitlines()]
    ratios = {row["path"]: row["ratio"] for row in rows}
    assert ratios["plain"] == 1
    assert {"exact", "SAM", "SpectralNorm"} <= set(ratios)
    assert all(ratio > 0 for ratio in ratios.values())


def test_list_names_claims_and_datasets(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    assert "explicit" in printed
    assert "digits" in printed


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert keras_gc.__version__ in capsys.readouterr().out
