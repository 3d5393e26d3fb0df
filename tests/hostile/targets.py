"""What is attacked: each target takes a generator and a folder of its own."""

import contextlib
import functools
import inspect
import io
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np

import keras_gc
from keras_gc import cli
from keras_gc.batches import batches_of
from keras_gc.cli.loading import load_arrays, load_model
from tests.hostile import values

INPUTS = (
    None,
    [keras.Input((4,), name="x")],
    [keras.Input((1,), name="x")],
    [keras.Input((4,), dtype="int32", name="x")],
    [keras.Input((None, 4), name="x"), keras.Input((4,), name="y")],
    {"input_ids": keras.Input((4,), dtype="int32")},
)


def batches(rng, folder):
    keywords = values.arguments(rng, ("seed",), share=0.2)
    size = values.anything(rng) if rng.random() < 0.2 else 3
    list(
        batches_of(
            values.structure(rng),
            values.pick(rng, ("float32", "float16", "bfloat16")),
            size,
            inputs=values.pick(rng, INPUTS),
            shuffle=bool(rng.integers(2)),
            **keywords,
        )
    )


def datasets(rng, folder):
    name = "digits" if rng.random() < 0.5 else values.anything(rng)
    if isinstance(name, str) and name in keras_gc.datasets.names()[1:]:
        return  # may download
    keywords = values.arguments(rng, ("max_train", "max_test", "seed"))
    keras_gc.datasets.load(name, **keywords)


def model_file(rng, folder):
    path = folder / f"model{values.pick(rng, ('.keras', '.h5', '.zip'))}"
    suffix = values.pick(rng, (".keras", ".h5"))
    content = _saved(suffix)
    if suffix == ".keras" and rng.random() < 0.5:
        content = _rezipped(rng, content)
    path.write_bytes(_damaged(rng, content))
    load_model(path)


def array_file(rng, folder):
    path = folder / "data.npz"
    if rng.random() < 0.7:
        np.savez(path, **{"x": values.array(rng), "y": values.array(rng)})
    else:
        with path.open("wb") as file:
            np.save(file, values.array(rng))
    path.write_bytes(_damaged(rng, path.read_bytes()))
    load_arrays(path, values.pick(rng, ((), ("x",), ("x", "y"), ("nowhere",))))


OPTIONS = (
    "--data", "--dataset", "--estimator", "--inputs", "--outputs", "--import",
    "--batch-size", "--max-examples", "--rtol", "--seed", "--debug", "--help",
    "--version", "--out", "--resume", "--nonsense",
)  # fmt: skip


def command(rng, folder):
    """Any words; the status and what is printed are judged here."""
    (folder / "model.keras").write_bytes(_saved(".keras"))
    np.savez(folder / "data.npz", x=np.ones((3, 4)))
    first = values.pick(rng, ("measure",) * 6 + ("list", "mesure", "", "plot"))
    words = [first]
    if rng.random() < 0.9:
        words.append(str(folder / "model.keras"))
    if rng.random() < 0.7:
        words += ["--data", str(folder / "data.npz")]
    for _ in range(int(rng.integers(3))):
        words.append(values.pick(rng, OPTIONS))
        if rng.random() < 0.8:
            words.append(str(values.anything(rng)))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = cli.main(words)
        except SystemExit as done:  # --help, --version
            status = done.code
    error = err.getvalue()
    debug = "--debug" in words
    if status not in {0, 2}:
        raise AssertionError(f"status {status} of {words}")
    if status == 2 and not debug and error.count("\n") > 3:
        raise AssertionError(f"more than a sentence: {error[:500]}")
    if status == 2 and "keras-gc: " not in error:
        raise AssertionError(f"no sentence: {error[:500]}")
    return status == 2


def _measure(function, rng):
    kind = values.pick(rng, ("plain", "two", "tokens", "subclassed"))
    model = _model(kind)
    if rng.random() < 0.1:
        model = values.anything(rng)
    names = ("estimator", "inputs", "outputs", "batch_size", "seed", "verbose")
    if "rtol" in inspect.signature(function).parameters:
        names += ("rtol",)
    x = np.ones((6, 4), "float32")
    # What does not fit a `call` of the user's fails in there, in their words.
    if rng.random() < 0.7 and kind != "subclassed":
        x = values.structure(rng)
    with contextlib.redirect_stdout(io.StringIO()):
        function(model, x, **values.arguments(rng, names, share=0.15))


def geometric_complexity(rng, folder):
    _measure(keras_gc.geometric_complexity, rng)


def jacobian_norms(rng, folder):
    _measure(keras_gc.jacobian_norms, rng)


def compile_arguments(rng, folder):
    model = keras_gc.GCModel.from_model(_model("plain"))
    names = [
        name
        for name in inspect.signature(keras_gc.GCModel.compile).parameters
        if name.startswith("gc_") or name == "heuristics"
    ]
    model.compile("sgd", "mse", **values.arguments(rng, names, share=0.2))


def fit_arguments(rng, folder):
    inputs = keras.Input((4,))
    model = keras_gc.GCModel(inputs, keras.layers.Dense(3)(inputs))
    model.compile("sgd", "mse")
    x = np.ones((6, 4), "float32")
    y = np.ones((6, 3), "float32")
    names = [
        name
        for name in inspect.signature(keras_gc.GCModel.fit).parameters
        if name.startswith("gc_")
    ]
    keywords = values.arguments(rng, names, share=0.9)
    try:
        model.fit(x, y, verbose=0, **keywords)
    finally:
        _check_weights(model)


def _check_weights(model):
    """Raise if an error has cost the model its weights, as JAX's fit may."""
    try:
        model.predict_on_batch(np.ones((1, 4), "float32"))
    except Exception as error:
        raise AssertionError("the model has lost its weights") from error


def _constructors(room):
    return [
        each
        for each in vars(room).values()
        if inspect.isclass(each) and each.__module__.startswith("keras_gc.")
    ]


def constructors(rng, folder):
    rooms = ("estimators", "regularizers", "heuristics", "callbacks")
    room = getattr(keras_gc, values.pick(rng, rooms))
    made = values.pick(rng, _constructors(room))
    names = [
        parameter.name
        for parameter in inspect.signature(made).parameters.values()
        if parameter.kind
        not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    ]
    required = [
        parameter.name
        for parameter in inspect.signature(made).parameters.values()
        if parameter.default is parameter.empty and parameter.name in names
    ]
    keywords = values.arguments(rng, names)
    for name in required:
        keywords.setdefault(name, values.anything(rng))
    made(**keywords)


def getters(rng, folder):
    rooms = ("estimators", "heuristics")
    room = getattr(keras_gc, values.pick(rng, rooms))
    if hasattr(room, "get"):
        room.get(values.anything(rng))


TARGETS = {
    function.__name__: function
    for function in (
        batches,
        datasets,
        model_file,
        array_file,
        command,
        geometric_complexity,
        jacobian_norms,
        compile_arguments,
        fit_arguments,
        constructors,
        getters,
    )
}


@functools.cache
def _model(kind):
    """One of some small models."""
    x = keras.Input((4,), name="x")
    if kind == "plain":
        return keras.Model(x, keras.layers.Dense(3)(x))
    if kind == "two":
        y = keras.Input((2,), name="y")
        joined = keras.layers.Concatenate()([x, y])
        return keras.Model([x, y], keras.layers.Dense(3)(joined))
    if kind == "tokens":
        ids = keras.Input((4,), dtype="int32", name="input_ids")
        hidden = keras.layers.Embedding(9, 2, name="embedding")(ids)
        flat = keras.layers.Flatten()(hidden)
        return keras.Model(ids, keras.layers.Dense(3)(flat))
    model = Subclassed()
    model(np.ones((1, 4), "float32"))
    return model


@functools.cache
def _saved(suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"model{suffix}")
        _model("plain").save(path)
        return path.read_bytes()


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


def _damaged(rng, content):
    """The bytes, whole, cut off, or with some of them changed."""
    kind = int(rng.integers(4))
    if kind == 0 or not content:
        return content
    if kind == 1:
        return content[: int(rng.integers(len(content)))]
    damaged = bytearray(content)
    for _ in range(int(rng.integers(1, 20))):
        damaged[int(rng.integers(len(damaged)))] = int(rng.integers(256))
    return bytes(damaged)


def _rezipped(rng, content):
    """An archive with one part damaged, but with the right checksums."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = values.pick(rng, sorted(parts))
    parts[name] = _damaged(rng, parts[name])
    if rng.random() < 0.1:
        del parts[name]
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return written.getvalue()
