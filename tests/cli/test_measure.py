"""`keras-gc measure`, with files as people have them."""

import pickle
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_gc
from keras_gc.cli import main
from tests.modes import BACKEND

X = np.random.default_rng(0).normal(size=(20, 64)).astype("float32")


def linear(*inputs):
    """A model, whose GC is the sum of its squared weights."""
    inputs = inputs or [keras.Input((64,), name="pixels")]
    joined = inputs[0]
    if len(inputs) > 1:
        joined = keras.layers.Concatenate()(list(inputs))
    return keras.Model(list(inputs), keras.layers.Dense(3)(joined))


def gc(model):
    return sum(float((w**2).sum()) for w in model.get_weights() if w.ndim == 2)


@pytest.fixture
def saved(tmp_path):
    model = linear()
    model.save(tmp_path / "model.keras")
    return model, tmp_path / "model.keras"


def measure(capsys, *words):
    """The status, and what was printed."""
    status = main(["measure", *map(str, words)])
    return status, *capsys.readouterr()


def refused(capsys, *words):
    """The one sentence that the command says."""
    status, _, error = measure(capsys, *words)
    assert status == 2
    assert error.startswith("keras-gc: ")
    assert error.count("\n") == 1
    return error


def run(*words, cwd):
    result = subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result


def test_the_installed_command_measures_a_saved_gc_model(tmp_path):
    plain = linear()
    keras_gc.GCModel.from_model(plain).save(tmp_path / "model.keras")
    command = Path(sysconfig.get_path("scripts"), "keras-gc")
    words = ["measure", "model.keras", "--dataset", "digits"]
    result = run(command, *words, cwd=tmp_path)
    assert f"GC = {gc(plain):.4g} ±" in result.stdout
    assert result.stderr == ""  # no banner of a framework


def test_a_script_in_a_folder_named_like_the_command_loads_a_gc_model(tmp_path):
    keras_gc.GCModel.from_model(linear()).save(tmp_path / "model.keras")
    folder = tmp_path / "keras-gc"
    folder.mkdir()
    (folder / "keras-gc.py").write_text(
        "import keras_gc, keras\n"
        "print(type(keras.saving.load_model('model.keras')).__name__)\n"
    )
    result = run(sys.executable, folder / "keras-gc.py", cwd=tmp_path)
    assert result.stdout.splitlines()[-1] == "GCFunctional"


def test_arrays_named_x_or_like_the_inputs_are_measured(tmp_path, capsys):
    model = linear(keras.Input((3,), name="a"), keras.Input((2,), name="b"))
    model.save(tmp_path / "model.keras")
    path = tmp_path / "data.npz"
    np.savez(path, a=np.ones((5, 3)), b=np.ones((5, 2)), labels=np.ones(5))
    status, out, _ = measure(capsys, tmp_path / "model.keras", "--data", path)
    assert status == 0
    assert f"GC = {gc(model):.4g} ± 0 (5 examples, exact)" in out


@pytest.mark.parametrize("save", [np.save, lambda f, x: np.savez(f, x=x, y=x)])
def test_one_array_is_measured(saved, save, tmp_path, capsys):
    model, path = saved
    with (tmp_path / "data.npz").open("wb") as file:
        save(file, X)
    status, out, _ = measure(capsys, path, "--data", tmp_path / "data.npz")
    assert status == 0
    assert f"GC = {gc(model):.4g} ± " in out
    assert "(20 examples, exact)" in out


def test_labels_are_not_read_where_nobody_asks(saved, tmp_path, capsys):
    _, path = saved
    data = tmp_path / "data.npz"
    labels = np.array([{"no": "number"}] * len(X), dtype=object)
    np.savez(data, x=X, y=labels)
    assert measure(capsys, path, "--data", data)[0] == 0
    assert main(["report", str(path), "--data", str(data)]) == 2
    assert "The labels `y` of" in capsys.readouterr().err


def test_max_examples_is_a_subset_that_the_seed_repeats(tmp_path, capsys):
    x = keras.Input((64,))
    model = keras.Model(x, keras.layers.Dense(2)(keras.ops.square(x)))
    path, data = tmp_path / "model.keras", tmp_path / "data.npz"
    model.save(path)
    np.savez(data, x=X)

    def printed(*words):
        return measure(capsys, path, "--data", data, *words)[1]

    first, again, other = (
        printed("--max-examples", "7", "--seed", seed) for seed in (1, 1, 2)
    )
    assert "(7 examples" in first
    assert first == again != other
    assert printed("--max-examples", "50") == printed("--max-examples", "20")


def test_max_examples_with_a_dataset(saved, capsys):
    words = ["--dataset", "digits", "--max-examples", "7"]
    assert "(7 examples" in measure(capsys, saved[1], *words)[1]


LAYERS = """
import keras

class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x
"""


def test_layers_of_the_users_own_are_imported(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    (tmp_path / "my_layers.py").write_text(LAYERS)
    names = {}
    exec(LAYERS, names)
    x = keras.Input((64,))
    dense = keras.layers.Dense(3)
    keras.Model(x, dense(names["Twice"]()(x))).save("model.keras")
    np.savez("data.npz", x=X)
    words = ["model.keras", "--data", "data.npz"]
    error = refused(capsys, *words)
    assert "model.keras could not be loaded" in error
    assert "class 'Twice'" in error
    assert "`--import MODULE`" in error
    status, out, _ = measure(capsys, *words, "--import", "my_layers")
    assert status == 0
    expected = 4 * float((dense.get_weights()[0] ** 2).sum())
    assert f"GC = {expected:.4g} ±" in out
    for command in ("report", "compare"):
        assert main([command, *words, "--import", "my_layers"]) == 0
    assert "" not in sys.path
    for module in ("nowhere", "my_layers.py"):
        error = refused(capsys, *words, "--import", module)
        assert f"module {module!r} could not be imported" in error


def test_h5_files_are_measured(tmp_path, capsys):
    model = linear()
    path = tmp_path / "model.h5"
    model.save(path)
    status, out, _ = measure(capsys, path, "--dataset", "digits")
    assert status == 0
    assert f"GC = {gc(model):.4g} ±" in out


def broken_models(tmp_path):
    good = tmp_path / "model.keras"
    whole = good.read_bytes()
    with zipfile.ZipFile(good) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}

    def archived(**changed):
        path = tmp_path / "part.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (parts | changed).items():
                if content is not None:
                    archive.writestr(name, content)
        return path.read_bytes()

    return {
        "text": b"I am no model",
        "empty": b"",
        "half": whole[: len(whole) // 2],
        "pickle": pickle.dumps({"a": 1}),
        "no_config": archived(**{"config.json": None}),
        "no_weights": archived(**{"model.weights.h5": None}),
        "config": archived(**{"config.json": b"{"}),
        "other_config": archived(**{"config.json": b'{"a": [1]}'}),
        "weights": archived(**{"model.weights.h5": b"no weights"}),
    }


BROKEN_MODELS = (
    "text", "empty", "half", "pickle", "no_config", "no_weights", "config",
    "other_config", "weights",
)  # fmt: skip


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".bin"])
@pytest.mark.parametrize("kind", BROKEN_MODELS)
def test_a_file_that_is_no_model_is_named(
    saved, kind, suffix, tmp_path, capsys
):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(broken_models(tmp_path)[kind])
    error = refused(capsys, path, "--dataset", "digits")
    assert str(path) in error
    assert len(error) < 700


@pytest.mark.parametrize(
    "kind", ["text", "empty", "pickle", "half", "objects", "none", "others"]
)
def test_a_file_that_holds_no_arrays_is_named(saved, kind, tmp_path, capsys):
    path = tmp_path / "data.npz"
    if kind in {"text", "empty", "pickle"}:
        path.write_bytes(
            {"text": b"1,2\n", "empty": b"", "pickle": pickle.dumps(X)}[kind]
        )
    elif kind == "half":
        np.savez(path, x=X)
        path.write_bytes(path.read_bytes()[:1000])
    elif kind == "objects":  # would be unpickled, which can run any code
        np.savez(path, x=np.array([{"a": 1}, None], dtype=object))
    elif kind == "none":
        np.savez(path)
    else:
        np.savez(path, x_train=X, y_train=X)
    error = refused(capsys, saved[1], "--data", path)
    assert str(path) in error
    assert "numpy.savez" in error or "'pixels'" in error


def test_examples_of_another_shape_are_refused(saved, tmp_path, capsys):
    other = linear(keras.Input((28, 28, 1), name="image"))
    other.save(tmp_path / "other.keras")
    error = refused(capsys, tmp_path / "other.keras", "--dataset", "digits")
    assert "examples of shape (28, 28, 1), and those of 'digits'" in error
    assert "other.keras" in error


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("nowhere.keras --dataset digits", "no such file: nowhere.keras"),
        ("model.keras --data nowhere.npz", "no such file: nowhere.npz"),
        (". --dataset digits", "is a folder"),
        ("model.keras --data .", "is a folder"),
        ("model.keras --dataset mnits", "Did you mean 'mnist'?"),
        ("model.keras", "one of the arguments --dataset --data is required"),
        ("model.keras --dataset digits --data data.npz", "not allowed with"),
        ("model.keras --dataset digits --batch-size 0", "must be an int >= 1"),
        ("model.keras --dataset digits --batch-size x", "must be an int >= 1"),
        ("model.keras --dataset digits --max-examples -1", "an int >= 1"),
        ("model.keras --dataset digits --rtol 0", "a finite number > 0"),
        ("model.keras --dataset digits --rtol nan", "a finite number > 0"),
        ("model.keras --dataset digits --seed -1", "must be an int >= 0"),
        ("model.keras --dataset digits --speed 3", "unrecognized arguments"),
        ("model.keras --dataset digits --estimator exat", "exat"),
        ("model.keras --dataset digits --outputs nowhere", "nowhere"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    saved, words, sentence, capsys, monkeypatch
):
    monkeypatch.chdir(saved[1].parent)
    np.savez("data.npz", x=X)
    assert sentence in refused(capsys, *words.split())


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the same on each backend")
def test_debug_shows_where_an_error_comes_from(saved, tmp_path, capsys):
    np.savez(tmp_path / "data.npz", x=X[:, :3])
    words = [saved[1], "--data", tmp_path / "data.npz"]
    assert "Traceback" not in refused(capsys, *words)
    status, _, error = measure(capsys, *words, "--debug")
    assert status == 2
    assert "Traceback" in error
    status = main(["--debug", "measure", *map(str, words)])
    assert "Traceback" in capsys.readouterr().err
