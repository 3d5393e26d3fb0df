"""What is killed: each job works in a folder, and goes on where it stopped."""

import contextlib
import io
import json
import shutil
from pathlib import Path

import keras
import numpy as np
from keras import layers

EPOCHS = 4


class WholeBackups(keras.callbacks.Callback):
    """Copies a backup that is complete; `restore` puts the last one back.

    Keras overwrites the weights and then the number of the epoch in place. A
    kill in between leaves files that cannot be read or that do not belong
    together, whatever the model.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.backup = folder / "backup"

    def on_epoch_end(self, epoch, logs=None):
        # The last epoch's logs are compared, so it is never skipped.
        if epoch + 1 < self.params["epochs"]:
            part = self.folder / "part"
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(self.backup, part)
            part.replace(self.folder / f"whole_{epoch:03}")

    def restore(self):
        shutil.rmtree(self.backup, ignore_errors=True)
        if whole := sorted(self.folder.glob("whole_*")):
            shutil.copytree(whole[-1], self.backup)


def fit(folder, epochs=EPOCHS):
    """Train with BackupAndRestore; write all state to `result.npz`."""
    import keras_gc

    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    x = layers.Dense(6, activation="tanh")(inputs)
    # No Dropout: Keras itself saves no seed of a layer, and draws anew.
    x = layers.BatchNormalization()(x)
    model = keras_gc.GCModel(inputs, layers.Dense(3)(x))
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        gc_weight=keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9),
        gc_estimator="sampled_outputs",
        heuristics=[keras_gc.heuristics.InputNoise(0.1)],
    )
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 4)).astype("float32"), np.arange(40) % 3
    whole = WholeBackups(folder)
    whole.restore()
    backup = keras.callbacks.BackupAndRestore(
        whole.backup, delete_checkpoint=False
    )
    # The order of shuffled data is the process's own, and starts anew.
    logs = model.fit(
        x, y, batch_size=8, epochs=epochs, shuffle=False, verbose=0,
        callbacks=[backup, whole],
    ).history  # fmt: skip
    _write(folder / "result.npz", {**_state(model), **_last(logs)})


def _state(model):
    groups = {
        "weights": model.variables,
        "optimizer": model.optimizer.variables,
        "estimator": model.gc_tracker.estimator.variables,
        "seeds": [
            variable
            for variable in model.gc_tracker.variables
            if "seed" in variable.name
        ],
    }
    assert all(groups.values())
    return {
        f"{name} {index}": np.asarray(variable.numpy())
        if hasattr(variable, "numpy")
        else np.asarray(variable)
        for name, variables in groups.items()
        for index, variable in enumerate(variables)
    }


def _last(logs):
    return {f"last {name}": values[-1] for name, values in logs.items()}


def _write(path, arrays):
    part = path.with_name(f"{path.stem}.part.npz")
    np.savez(part, **arrays)
    part.replace(path)


def reproduce(folder, name="interpolation"):
    """Reproduce a claim by the command, and write its rows to `result.npz`."""
    from keras_gc import cli

    words = ["reproduce", name, "--scale", "smoke", "--seeds", "1"]
    with contextlib.redirect_stdout(io.StringIO()):
        status = cli.main([*words, "--out", str(folder), "--resume"])
    if status:
        raise SystemExit(status)
    lines = Path(folder, name, "rows.jsonl").read_text().splitlines()
    rows = {}
    for line in lines:
        row = json.loads(line)
        run = json.dumps([row["setting"], row["seed"]], sort_keys=True)
        assert run not in rows  # each once
        rows[run] = json.dumps(
            {k: v for k, v in row.items() if k not in TIMES}, sort_keys=True
        )
    _write(folder / "result.npz", rows)


TIMES = {"time", "environment"}
JOBS = {"fit": fit, "reproduce": reproduce}
