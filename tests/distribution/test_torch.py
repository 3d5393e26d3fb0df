"""torch.distributed gives the numbers of a single process."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

if keras.config.backend() != "torch":
    pytest.skip("torch.distributed is torch's", allow_module_level=True)

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import replicated  # noqa: E402
import scenario  # noqa: E402


def in_two_processes(code):
    """Return what each of two processes printed."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(HERE)],
            env={
                **os.environ,
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "WORLD_SIZE": "2",
                "RANK": str(rank),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        results = [process.communicate(timeout=600) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    for process, (_, err) in zip(processes, results, strict=True):
        assert process.returncode == 0, err[-4000:]
    return [out for out, _ in results]


# One's own loop: DistributedDataParallel averages the gradients of losses
# that hold an estimator's values.
OWN_LOOP = """
import numpy as np
import torch
import torch.distributed as dist
import keras
import keras_gc

dist.init_process_group("gloo")
rank = dist.get_rank()
rng = np.random.default_rng(0)
x = torch.tensor(rng.normal(size=(8, 6)), dtype=torch.float32)
y = torch.tensor(rng.integers(0, 3, 8))
exact = keras_gc.estimators.ExactReverse()

def model():
    keras.utils.set_random_seed(5)
    return keras.Sequential([
        keras.Input((6,)),
        keras.layers.Dense(5, activation="tanh"),
        keras.layers.Dense(3),
    ])

def backward(net, x, y):
    outputs, gc = exact(net, x)
    loss = torch.nn.functional.cross_entropy(outputs, y) + 0.1 * gc.mean()
    loss.backward()

one = model()
backward(one, x, y)
whole = [v.value.grad for v in one.trainable_variables]

many = model()
half = slice(4 * rank, 4 * rank + 4)
backward(torch.nn.parallel.DistributedDataParallel(many), x[half], y[half])
for a, b in zip(whole, [v.value.grad for v in many.trainable_variables]):
    torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)
print("gradients agree")
dist.destroy_process_group()
"""


def test_ddp_averages_to_the_whole_batch():
    for out in in_two_processes(OWN_LOOP):
        assert "gradients agree" in out


# `fit` in each process, on its half of every batch, with one setting after the
# other. The second process starts elsewhere and must take over the first one's
# state.
FIT = """
import json
import sys
import keras_gc
import torch.distributed as dist
sys.path.insert(0, sys.argv[1])
import replicated
import scenario

dist.init_process_group("gloo")
rank = dist.get_rank()
x, y, weight = scenario.data()
mine = [i for i in range(len(x)) if i % 8 // 4 == rank]
def state(tracker):
    return [tracker.seed.state, *tracker.estimator.variables]

results = {}
for name, setting in replicated.ALL.items():
    model = scenario.model(**setting, seed=5 + rank)
    history = model.fit(
        x[mine], y[mine], batch_size=4, epochs=2, shuffle=False, verbose=0,
        sample_weight=weight[mine],
    ).history
    results[name] = {
        "weights": [w.tolist() for w in model.get_weights()],
        "state": [v.numpy().tolist() for v in state(model.gc_tracker)],
        "history": history,
        "share": float(weight[mine].sum() / weight.sum()),
    }
# One process alone: it measures, and waits for nobody.
if rank == 0:
    keras_gc.geometric_complexity(model, x, estimator="sampled_outputs")
dist.barrier()
dist.destroy_process_group()
print("RESULT" + json.dumps(results))
"""


@pytest.fixture(scope="module")
def results():
    """Return the results of both processes, by setting."""
    return [
        json.loads(line.removeprefix("RESULT"))
        for out in in_two_processes(FIT)
        for line in out.splitlines()
        if line.startswith("RESULT")
    ]


def assert_same_state(first, second):
    for key in ("weights", "state"):
        for a, b in zip(first[key], second[key], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("setting", replicated.LIKE_ONE)
def test_fit_in_two_processes_equals_one(results, setting):
    first, second = (result[setting] for result in results)
    assert_same_state(first, second)
    x, y, weight = scenario.data()
    single = scenario.model(**replicated.LIKE_ONE[setting])
    history = single.fit(
        x, y, batch_size=8, epochs=2, shuffle=False, verbose=0,
        sample_weight=weight,
    ).history  # fmt: skip
    for a, b in zip(single.get_weights(), first["weights"], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    # Each process shows the means over its own examples.
    for key, shares in {
        "loss": [0.5, 0.5],
        "gc": [first["share"], second["share"]],
    }.items():
        halves = [first["history"][key], second["history"][key]]
        np.testing.assert_allclose(
            np.average(halves, axis=0, weights=shares), history[key], rtol=1e-4
        )


@pytest.mark.parametrize("setting", replicated.UNLIKE_ONE)
def test_fit_in_two_processes_stays_one_model(results, setting):
    first, second = (result[setting] for result in results)
    assert_same_state(first, second)
    assert np.isfinite(first["history"]["loss"]).all()
    if setting != "batch normalization":
        assert first["history"]["gc"] != second["history"]["gc"]
