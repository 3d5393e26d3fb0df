"""Cost of a train step with GC, in units of the plain train step.

Steps are timed as `fit` runs them. All fits of one network run in turn in one
process, so that a change in the machine's speed affects all alike. Ratios are
those of the medians.
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

# What costs more is timed where it is asked for by name.
_AFFORDABLE = 32
_EXACT_BY_HAND = "exact by hand"


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

    @property
    def steps(self) -> int:
        """Steps of a fit that are timed, beside its first."""
        return 16 if self.bound <= 3 else 2


def _penalty(name, estimator, num_classes):
    """Return the path of a penalty: each pass costs what a plain step does."""
    passes = estimator.num_passes(num_classes, num_inputs=None)
    compile_ = {"gc_weight": 1e-3, "gc_estimator": estimator}
    return _Path(name, 1 + passes, compile_)


def _by_hand(name, passes):
    make = functools.partial(penalised, exact=passes > 1)
    return _Path(name, 1 + passes, by_hand=make)


def _heuristic(name, bound, heuristic):
    return _Path(name, bound, {"gc_metric": False, "heuristics": [heuristic]})


_PENALTIES = {
    "one probe": estimators.Hutchinson(),
    "one balanced probe": estimators.Hutchinson(1, "balanced"),
    "one principal probe": estimators.Hutchinson(1, "principal"),
    "one forward probe": estimators.Hutchinson(mode="forward"),
    "one sampled output": estimators.SampledOutputs(),
    "finite difference": estimators.FiniteDifference(),
    "exact": estimators.ExactReverse(),
}


def _paths(num_classes: int) -> dict[str, _Path]:
    """Return the ways to train, by their names."""
    paths = (
        _Path("plain", 1),
        _Path("watched by default", 1 + 1 / 48, {}),
        _Path("metric", 4 / 3, {"gc_fraction": 1}),
        *(_penalty(*each, num_classes) for each in _PENALTIES.items()),
        _by_hand("one probe by hand", 1),
        _by_hand(_EXACT_BY_HAND, num_classes),
        _heuristic("SAM", 2, heuristics.SAM()),
        _heuristic("GradientPenalty", 3, heuristics.GradientPenalty(0.01)),
        _heuristic("InputNoise", 1, heuristics.InputNoise(0.1)),
        _heuristic("LabelNoise", 1, heuristics.LabelNoise(0.1)),
        _heuristic("WeightNoise", 1, heuristics.WeightNoise(0.01)),
        _Path("SpectralNorm", 1.05, None, "spectral_norm"),
    )
    return {path.name: path for path in paths}


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
        network: str, `"mlp"` (784-512-512-10), `"mlp-1000"` (the same with
            1000 outputs), `"cnn"` (four 3x3 convolutions on 32x32x3),
            `"resnet18"` or `"vit"`.
        paths: list of str, ways to train that are timed, besides the plain
            one. Defaults to None: all that cost at most 32 plain steps by
            arithmetic, without `batch_jacobian` under XLA.
        jit_compile: bool or `"auto"`, as in `keras.Model.compile`; True is
            XLA. Defaults to `"auto"`.
        dtype: str, name of a dtype policy. Defaults to `"float32"`.
        batch_size: int, examples per step. Defaults to 128.
        repeats: int, fits of each path, of 16 steps or, where it takes many
            products, 2. Defaults to 20.
        out: path of a JSON lines file to append to. Defaults to None: no file.

    Returns:
        List of dicts, one for each path. `traces` counts how often Python
        ran the train step in all: once for each trace, and on torch, which
        traces nothing, once for each step.
    """
    _validation.one_of("network", network, NETWORKS)
    _validation.positive_int("repeats", repeats)
    build, shape, num_classes = NETWORKS[network]
    known = _paths(num_classes)
    for name in paths or ():
        _validation.one_of("path", name, known)
    if paths is None:
        paths = [
            path.name
            for path in known.values()
            if path.bound <= _AFFORDABLE and not _is_endless(path, jit_compile)
        ]
    chosen = [known[name] for name in dict.fromkeys(["plain", *paths])]
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(batch_size, *shape)).astype("float32")
    y = rng.integers(0, num_classes, batch_size)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        steps = {
            path.name: _Step(
                build(
                    shape,
                    num_classes,
                    kernel_regularizer=regularizers.get(
                        path.kernel_regularizer
                    ),
                ),
                (x, y),
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


def _is_endless(path, jit_compile):
    """Return whether it is `batch_jacobian` under XLA.

    On two CPU cores such a step of the MLP takes 39 seconds.
    """
    is_tensorflow = keras.config.backend() == "tensorflow"
    return is_tensorflow and jit_compile is True and path.name == _EXACT_BY_HAND


class _Step:
    """The train step of one path, compiled once and timed many times."""

    def __init__(self, model, batch, jit_compile, path):
        if path.compile is not None:
            model = keras_gc.GCModel.from_model(model)
        elif path.by_hand is not None:
            model = path.by_hand(model)
        self.traces = 0
        model.train_step = self._counted(model.train_step)
        model.compile(
            "sgd",
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=jit_compile,
            **(path.compile or {}),
        )
        self.model, self.steps = model, path.steps
        self.batch_size = len(batch[0])
        self.data = [np.concatenate([one] * (1 + path.steps)) for one in batch]
        self.clock, self.seconds = _Clock(), []
        start = time.perf_counter()
        self.run()
        self.compile_seconds = time.perf_counter() - start

    def _counted(self, train_step):
        def counted(*args):
            self.traces += 1
            return train_step(*args)

        return counted

    def run(self):
        """Return the seconds that a fit takes after its first step."""
        self.model.fit(
            *self.data,
            batch_size=self.batch_size,
            shuffle=False,
            verbose=0,
            callbacks=[self.clock],
        )
        return self.clock.seconds

    def time(self):
        self.seconds.append(self.run() / self.steps)


class _Clock(keras.callbacks.Callback):
    """Times the steps of a fit from the end of the first one."""

    async_safe = True  # or Keras would wait for the end of each step
    seconds = start = 0.0

    def on_train_batch_end(self, batch, logs=None):
        if batch == 0:
            float(logs["loss"])  # known when the step has ended
            self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs):
        float(logs["loss"])
        self.seconds = time.perf_counter() - self.start
