"""The commands, called as a user would."""

import json
import os
import warnings

import keras
import pytest

import keras_gc
from keras_gc.cli import list_, main
from keras_gc.cli.banner import without_banner


def test_demo_prints_a_table_and_writes_a_figure(tmp_path, capsys):
    out = str(tmp_path / "demo")
    arguments = "demo --epochs 2 --max-train 200 --weights 0 0.1 --out"
    assert main([*arguments.split(), out]) == 0
    printed = capsys.readouterr().out
    assert "gc_weight" in printed
    assert "plain Keras" in printed
    folder = tmp_path / "demo" / "digits"
    rows = (folder / "rows.jsonl").read_text().splitlines()
    rows = [json.loads(row) for row in rows]
    assert [row["setting"]["gc_weight"] for row in rows] == [0.0, 0.1]
    assert rows[1]["result"]["gc"] < rows[0]["result"]["gc"]
    for suffix in ("pdf", "png"):
        assert (folder / f"digits.{suffix}").stat().st_size > 1000


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


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("demo --dataset imagenet", "imagenet"),
        ("demo --epochs 0", "epochs"),
        ("demo --weights -1", "weights"),
        ("plot explicit nowhere", "nowhere"),
        ("reproduce nothing", "nothing"),
        ("reproduce", "required: name"),
        ("", "required: COMMAND"),
        ("mesure", "Did you mean 'measure'?"),
        ("demo --out README.md/demo", "README.md is a file, not a folder"),
        ("reproduce all --out README.md", "README.md is a file"),
        ("bench --memory --repeats 3", "`--repeats` is for timing steps"),
        ("bench --memory --networks mlp", "`--networks` is for timing"),
        ("bench --noise --jit", "no meaning with `--noise`"),
        ("bench --memory --noise", "two commands"),
        ("bench --out tests", "tests is a folder, not a file"),
        ("bench --out README.md/bench.jsonl", "README.md is a file"),
    ],
)
def test_problems_are_told_in_a_sentence(arguments, sentence, capsys):
    assert main(arguments.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("keras-gc: ")
    assert sentence in error
    assert error.count("\n") == 1


def test_bench_times_each_path_over_the_plain_step(tmp_path, capsys):
    out = tmp_path / "bench.jsonl"
    arguments = "bench --networks mlp --repeats 1 --batch-size 4 --out"
    assert main([*arguments.split(), str(out)]) == 0
    assert "one probe" in capsys.readouterr().out
    rows = [json.loads(row) for row in out.read_text().splitlines()]
    ratios = {row["path"]: row["ratio"] for row in rows}
    assert ratios["plain"] == 1
    assert {"exact", "exact by hand", "SAM", "SpectralNorm"} <= set(ratios)
    assert all(ratio > 0 for ratio in ratios.values())
    if keras.config.backend() != "torch":  # which traces nothing
        assert max(row["traces"] for row in rows) <= 2


def test_list_names_claims_and_datasets(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    assert "explicit" in printed
    assert "digits" in printed


@pytest.mark.parametrize("error", [KeyError("a\nb"), ZeroDivisionError()])
def test_an_error_that_nobody_foresaw_is_a_sentence_too(
    error, monkeypatch, capsys
):
    def fail(options):
        raise error

    monkeypatch.setattr(list_, "run", fail)
    assert main(["list"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"keras-gc: {type(error).__name__}: ")
    assert printed.endswith("(`--debug` shows where)\n")
    assert printed.count("\n") == 1
    assert main(["list", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_long_error_is_cut(monkeypatch, capsys):
    def fail(options):
        raise ValueError("a word " * 1000)

    monkeypatch.setattr(list_, "run", fail)
    assert main(["list"]) == 2
    assert len(capsys.readouterr().err) < 1100


def test_a_warning_is_a_sentence_without_its_line_of_code(monkeypatch, capsys):
    def warn(options):
        print(
            warnings.formatwarning("Careful.", UserWarning, "a.py", 1), end=""
        )

    monkeypatch.setattr(list_, "run", warn)
    usual = warnings.formatwarning
    assert main(["list"]) == 0
    assert capsys.readouterr().out == "keras-gc: Careful.\n"
    assert warnings.formatwarning is usual


BANNER = (
    "WARNING: All log messages before absl::InitializeLog() is called\n"
    "I0000 00:00:1795571918.394872   12336 port.cc:153] oneDNN\n"
    "2026-01-01 10:00:00.000000: I tensorflow/core/cpu.cc:1] instructions\n"
    "To enable the following instructions: AVX2\n"
)


def test_the_banner_is_hidden_and_errors_are_not(capfd):
    error = "E0000 00:00:1795571954.928937   12703 cuda.cc:52] no device\n"
    with pytest.raises(KeyError), without_banner():
        os.write(2, (BANNER + error).encode())
        raise KeyError
    os.write(2, b"after\n")
    assert capfd.readouterr().err == error + "after\n"


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert keras_gc.__version__ in capsys.readouterr().out
