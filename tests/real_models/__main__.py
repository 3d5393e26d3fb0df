"""`python -m tests.real_models`: GC of real models against another backend.

Writes a row for each model to `notebooks/results/real_models.jsonl`, and goes
on where it was stopped. Nightly, and not among the tests: it takes long.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from importlib import metadata
from pathlib import Path

import keras
import numpy as np

import keras_gc
from tests.oracles import directional_derivative
from tests.real_models import models

BACKEND = keras.config.backend()
OTHER = "tensorflow" if BACKEND == "torch" else "torch"
RESULTS = Path("notebooks/results/real_models.jsonl")
# Relative: of a value in float32, and of a difference of such values.
VALUE, SLOPE = 1e-4, 2e-2


def expected(name):
    with tempfile.TemporaryDirectory() as room:
        path = Path(room, "norms.npy")
        subprocess.run(
            [sys.executable, "-m", "tests.real_models.oracle", name, path],
            env={**os.environ, "KERAS_BACKEND": OTHER},
            check=True,
            capture_output=True,
        )
        return np.load(path)


def measured(name, model):
    return keras_gc.jacobian_norms(
        model,
        models.inputs_of(name, model),
        estimator="exact_reverse",
        inputs=models.embedding(name),
    )


def slopes(name, model):
    """The penalty's derivative in a direction: of a step, by differences."""
    trained = keras_gc.GCModel.from_model(model)
    trained.compile(
        keras.optimizers.SGD(1.0),
        loss=lambda y, y_pred: 0 * keras.ops.sum(y_pred, axis=-1),
        gc_weight=1.0,
        gc_estimator="exact_reverse",
        gc_inputs=models.embedding(name),
        run_eagerly=BACKEND != "jax",
    )
    variables = model.trainable_variables
    start = [keras.ops.convert_to_numpy(v) for v in variables]
    weights = model.get_weights()
    x = models.inputs_of(name, model)
    trained.train_on_batch(x, np.zeros((2, 1)))
    gradients = [
        a - keras.ops.convert_to_numpy(v)
        for a, v in zip(start, variables, strict=True)
    ]
    model.set_weights(weights)
    # Along the gradient itself the difference is largest.
    norm = np.sqrt(sum(np.sum(g**2.0) for g in gradients))
    directions = [g / norm for g in gradients]
    size = np.sqrt(sum(np.sum(v**2.0) for v in start))
    by_differences = directional_derivative(
        lambda: measured(name, model).mean(), variables, directions, 1e-4 * size
    )
    return float(norm), float(by_differences)


def examine(name):
    """A row of the table; what fails is told in the user's words."""
    row = {"model": name, "backend": BACKEND, "oracle": OTHER}
    start = time.monotonic()
    try:
        model = models.make(name)
        model.set_weights(models.draw_weights(model))
        norms, truth = measured(name, model), expected(name)
        row["gc"], row["gc_float64"] = float(norms.mean()), float(truth.mean())
        row["error"] = float(np.max(np.abs(norms / truth - 1)))
        row["value"] = "green" if row["error"] < VALUE else "off"
        row["slope"], row["slope_by_differences"] = slopes(name, model)
        off = abs(row["slope"] / row["slope_by_differences"] - 1)
        row["gradient"] = "green" if off < SLOPE else "off"
    except subprocess.CalledProcessError as error:
        row["oracle_failed"] = error.stderr.decode()[-400:]
    except Exception as error:
        row["sentence"] = f"{type(error).__name__}: {error}"[:1000]
    row["seconds"] = round(time.monotonic() - start, 1)
    row["versions"] = {
        package: metadata.version(package)
        for package in ("keras", BACKEND, "keras-hub")
        if package == BACKEND or _is_installed(package)
    }
    return row


def _is_installed(package):
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=models.NAMES)
    parser.add_argument("--again", action="store_true", help="all of them")
    options = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    rows = []
    if RESULTS.exists() and not options.again:
        rows = [json.loads(s) for s in RESULTS.read_text().splitlines()]
    done = {(row["model"], row["backend"]) for row in rows}
    for name in options.names:
        if (name, BACKEND) in done:
            continue
        if models.is_token_model(name) and not _is_installed("keras-hub"):
            print(f"{name}: skipped, keras-hub is not installed")
            continue
        rows.append(examine(name))
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text("".join(json.dumps(row) + "\n" for row in rows))
        show(rows[-1])
    print()
    for row in rows:
        show(row)


def show(row):
    print(
        f"{row['model']:20} {row['backend']:10} "
        f"value {row.get('value', '-'):6} gradient {row.get('gradient', '-'):6}"
        f" {row.get('error', float('nan')):.1e} "
        f"{row.get('sentence', row.get('oracle_failed', ''))}",
        flush=True,
    )


main()
