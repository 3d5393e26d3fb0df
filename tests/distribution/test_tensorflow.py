"""tf.distribute gives the numbers of a single device."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import pytest

if keras.config.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's", allow_module_level=True)

HERE = Path(__file__).parent

# Logical devices must be set before TensorFlow starts: a process of its own.
MIRRORED = """
import sys
sys.path.insert(0, {here!r})
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
import numpy as np
import scenario
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
single = scenario.train(scenario.model())
with strategy.scope():
    model = scenario.model()
scenario.assert_same(single, scenario.train(model))
print("mirrored equals single")

with strategy.scope():
    model = scenario.model("sampled_outputs")
    model.optimizer.learning_rate = 1e-3
scenario.train(model)
means = model._gc.gc_estimator.mean_squares.value
copies = [v.numpy() for v in strategy.experimental_local_results(means)]
assert (copies[0] > 0).all()
np.testing.assert_array_equal(copies[0], copies[1])
print("running means agree")

with strategy.scope():
    model = scenario.model("hutchinson")
noise = strategy.run(lambda: model._gc_tracker.seed.next())
seeds = [v.numpy().tolist() for v in strategy.experimental_local_results(noise)]
assert seeds[0] != seeds[1], seeds
history = scenario.train(model)[1]
assert np.isfinite(history["gc"]).all()
print("replicas draw their own probes")
"""


def run(code, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err[-4000:]
    return out


def test_mirrored_strategy_equals_one_device():
    out = finish(run(MIRRORED.format(here=str(HERE))))
    assert "mirrored equals single" in out
    assert "running means agree" in out
    assert "replicas draw their own probes" in out


WORKER = """
import sys
sys.path.insert(0, {here!r})
import tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
assert strategy.num_replicas_in_sync == 2
import json
import scenario
with strategy.scope():
    model = scenario.model()
weights, history = scenario.train(model)
print("RESULT" + json.dumps([[w.tolist() for w in weights], history]))
"""


def test_two_worker_processes_equal_one_device():
    with socket.socket() as first, socket.socket() as second:
        for s in (first, second):
            s.bind(("127.0.0.1", 0))
        ports = [s.getsockname()[1] for s in (first, second)]
    workers = [f"127.0.0.1:{port}" for port in ports]
    processes = [
        run(
            WORKER.format(here=str(HERE)),
            TF_CONFIG=json.dumps(
                {
                    "cluster": {"worker": workers},
                    "task": {"type": "worker", "index": index},
                }
            ),
        )
        for index in range(2)
    ]
    results = []
    for process in processes:
        line = [
            line
            for line in finish(process).splitlines()
            if line.startswith("RESULT")
        ][0]
        results.append(json.loads(line.removeprefix("RESULT")))
    sys.path.insert(0, str(HERE))
    import scenario

    single = scenario.train(scenario.model())
    for result in results:
        scenario.assert_same(single, result)
