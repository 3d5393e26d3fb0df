"""Cost of a train step with GC, in units of the plain train step.

All steps of one network run in turn in one process, so that a change in the
machine's speed affects all alike. Ratios are those of the medians.
"""

import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

import keras_gc
from keras_gc import (
    _validation,
    benchmarks,
    estimators,
    heuristics,
    regularizers,
)
from keras_gc.benchmarks.by_hand import penalised
from keras_gc.benchmarks.networks import NETWORKS
from keras_gc.experiments.environment import environment

_CLASSES = 10


class _Path(NamedTuple):
    """A way to train: its arithmetic bound, and how the model is made.

    In units of a forward pass, the backward pass costs 2 (weights and inputs).
    A product with the Jacobian and its derivative cost 3: one plain step.
    """

    name: str
    bound: float
    compile: dict | None = None  # of GCModel; None for plain Keras
    kernel_regularizer: str | None = None
    by_hand: Callable | None = None  # from the model to another
    cycle: int = 1  # steps timed together, where not all cost the same


def _penalty(name, estimator):
    """Return the path of a penalty: each pass costs what a plain step does."""
    passes = estimator.num_passes(_CLASSES, num_inputs=None)
    compile_ = {"gc_weight": 1e-3, "gc_estimator": estimator}
    return _Path(name, 1 + passes, compile_)


def _by_hand(name, exact):
    make = functools.partial(penalised, exact=exact)
    return _Path(name, 1 + (_CLASSES if exact else 1), by_hand=make)


def _heuristic(heuristic):
    return {"gc_metric": False, "heuristics": [heuristic]}


_ALL = (
    _Path("plain", 1),
    _Path("watched by default", 1 + 1 / 48, {}, cycle=16),
    _Path("metric", 4 / 3, {"gc_fraction": 1}),
    _penalty("one probe", estimators.Hutchinson()),
    _penalty("one balanced probe", estimators.Hutchinson(1, "balanced")),
    _penalty("one principal probe", estimators.Hutchinson(1, "principal")),
    _penalty("one forward probe", estimators.Hutchinson(mode="forward")),
    _penalty("one sampled output", estimators.SampledOutputs()),
    _penalty("finite difference", estimators.FiniteDifference()),
    _penalty("exact", estimators.ExactReverse()),
    _by_hand("one probe by hand", exact=False),
    _by_hand("exact by hand", exact=True),
    _Path("SAM", 2, _heuristic(heuristics.SAM())),
    _Path("GradientPenalty", 3, _heuristic(heuristics.GradientPenalty(0.01))),
    _Path("InputNoise", 1, _heuristic(heuristics.InputNoise(0.1))),
    _Path("LabelNoise", 1, _heuristic(heuristics.LabelNoise(0.1))),
    _Path("WeightNoise", 1, _heuristic(heuristics.WeightNoise(0.01))),
    _Path("SpectralNorm", 1.05, None, "spectral_norm"),
)
_PATHS = {path.name: path for path in _ALL}


def step_cost(
    network: str,
    *,
    paths: Sequence[str] | None = None,
    jit_compile: bool | str = "auto",
    dtype: str = "float32",
    batch_size: int = 128,
    repeats: int = 20,
    out: str | Path | None = None,
) -> list[dict[str, Any]]:
    """Time the train steps of one network.

    Args:
        network: str, `"mlp"` (784-512-512-10), `"cnn"` (four 3x3
            convolutions on 32x32x3) or `"resnet18"`.
        paths: list of str, ways to train that are timed, besides the plain
            one. Defaults to None: all.
        jit_compile: bool or `"auto"`, as in `keras.Model.compile`; True is
            XLA. Defaults to `"auto"`.
        dtype: str, name of a dtype policy. Defaults to `"float32"`.
        batch_size: int, examples per step. Defaults to 128.
        repeats: int, timed steps of each path. Defaults to 20.
        out: path of a JSON lines file to append to. Defaults to None: no file.

    Returns:
        List of dicts, one for each path. `traces` counts how often Python
        ran the train step in all: once for each trace, and on torch, which
        traces nothing, once for each step.
    """
    _validation.one_of("network", network, NETWORKS)
    _validation.positive_int("repeats", repeats)
    for name in paths or ():
        _validation.one_of("path", name, _PATHS)
    names = dict.fromkeys(["plain", *(paths or _PATHS)])
    chosen = [_PATHS[name] for name in names]
    build, shape = NETWORKS[network]
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(batch_size, *shape)).astype("float32")
    y = rng.integers(0, _CLASSES, batch_size)
    # Tensors already on the device, since copying is not what we compare.
    batch = keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(y)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        steps = {
            path.name: _Step(
                build(
                    shape,
                    _CLASSES,
                    kernel_regularizer=regularizers.get(
                        path.kernel_regularizer
                    ),
                ),
                batch,
                jit_compile,
                path,
            )
            for path in chosen
        }
    finally:
        keras.config.set_dtype_policy(before)
    for _ in range(repeats):
        for step in steps.values():
            step.time()
    plain = np.median(steps["plain"].seconds)
    rows = [
        {
            "network": network,
            "path": path.name,
            "bound": path.bound,
            "ratio": float(np.median(steps[path.name].seconds) / plain),
            "seconds": float(np.median(steps[path.name].seconds)),
            "compile_seconds": steps[path.name].compile_seconds,
            "traces": steps[path.name].traces,
            "jit_compile": steps[path.name].model.jit_compile,
            "dtype": dtype,
            "batch_size": batch_size,
            "repeats": repeats,
            **environment(),
        }
        for path in chosen
    ]
    benchmarks.append(rows, out)
    return rows


class _Step:
    """One train step, compiled once and timed many times."""

    def __init__(self, model, batch, jit_compile, path):
        if path.compile is not None:
            model = keras_gc.GCModel.from_model(model)
        elif path.by_hand is not None:
            model = path.by_hand(model)
        self.traces, self.cycle = 0, path.cycle
        model.train_step = self._counted(model.train_step)
        model.compile(
            "sgd",
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=jit_compile,
            **(path.compile or {}),
        )
        self.model, self.batch, self.seconds = model, batch, []
        start = time.perf_counter()
        self.run()
        self.compile_seconds = time.perf_counter() - start
        for _ in range(max(1, self.cycle - 1)):  # then begins a new cycle
            self.run()

    def _counted(self, train_step):
        def counted(*args):
            self.traces += 1
            return train_step(*args)

        return counted

    def run(self):
        # It returns numbers, so the step has ended.
        self.model.train_on_batch(*self.batch)

    def time(self):
        start = time.perf_counter()
        for _ in range(self.cycle):
            self.run()
        self.seconds.append((time.perf_counter() - start) / self.cycle)
