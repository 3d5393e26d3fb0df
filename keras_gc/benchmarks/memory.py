"""Peak memory of exact GC, over that of the plain train step.

Each figure comes from a fresh process: its largest resident set, minus that
before the model ran.
"""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from keras_gc import benchmarks

_CLASSES = 1000
_SHAPE = (64, 64, 3)
_BATCH = 32
_WIDTH = 16  # a quarter of ResNet-18, so that 1000 products take two minutes


def memory(out: str | Path | None = None) -> list[dict[str, Any]]:
    """Compare exact GC of a model with 1000 classes and its train step.

    The model is a narrow ResNet-18 on 64x64x3, the batch has 32 examples.

    Args:
        out: path of a JSON lines file to append to. Defaults to None: no file.

    Returns:
        List of two dicts: what was run, and its peak memory in MiB.
    """
    rows = [_in_fresh_process(what) for what in ("train step", "exact GC")]
    for row in rows:
        row["ratio"] = row["peak_mib"] / rows[0]["peak_mib"]
    benchmarks.append(rows, out)
    return rows


def _in_fresh_process(what):
    command = [sys.executable, "-m", "keras_gc.benchmarks.memory", what]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{command} failed:\n{result.stderr}")
    return json.loads(result.stdout.splitlines()[-1])


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _run(what):
    """Run one of the two, and print its row."""
    import keras
    import numpy as np

    import keras_gc
    from keras_gc.experiments import networks
    from keras_gc.experiments.environment import environment

    keras.utils.set_random_seed(0)
    model = networks.resnet18(_SHAPE, _CLASSES, width=_WIDTH)
    x = np.random.default_rng(0).uniform(size=(_BATCH, *_SHAPE))
    x = x.astype("float32")
    y = np.zeros((_BATCH,), "int32")
    before = _peak()
    if what == "train step":
        model.compile(
            "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        model.train_on_batch(x, y)
    else:
        exact = keras_gc.estimators.ExactReverse()
        keras_gc.geometric_complexity(model, x, estimator=exact)
    row = {"what": what, "peak_mib": _peak() - before, **environment()}
    print(json.dumps(row))


if __name__ == "__main__":
    _run(sys.argv[1])
