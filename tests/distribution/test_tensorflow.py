"""tf.distribute gives the numbers of a single device."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

if keras.config.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's", allow_module_level=True)

pytestmark = pytest.mark.slow
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
means = model.gc_settings.gc_estimator.mean_squares.value
copies = [v.numpy() for v in strategy.experimental_local_results(means)]
assert (copies[0] > 0).all()
np.testing.assert_array_equal(copies[0], copies[1])
print("running means agree")

with strategy.scope():
    model = scenario.model("hutchinson")
noise = strategy.run(lambda: model.gc_tracker.seed.next())
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


# Keras 3.15's own `fit` fails on several workers, for any model (it asks the
# strategy to reduce a whole batch at once): the worker runs the train step.
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
    model.optimizer.build(model.trainable_variables)
    model.make_train_function()
batches = tf.data.Dataset.from_tensor_slices(scenario.data()).batch(8)
step = tf.function(lambda data: strategy.run(model.train_step, (data,)))
for batch in strategy.experimental_distribute_dataset(batches):
    step(batch)
logs = {{k: float(v) for k, v in model.get_metrics_result().items()}}
print("RESULT" + json.dumps([[w.tolist() for w in model.get_weights()], logs]))
"""


def test_two_worker_processes_equal_one_device():
    with socket.socket() as first, socket.socket() as second:
        for s in (first, second):
            s.bind(("127.0.0.1", 0))
        ports = [s.getsockname()[1] for s in (first, second)]
    workers = [f"127.0.0.1:{port}" for port in ports]
    tasks = [{"type": "worker", "index": index} for index in range(2)]
    processes = [
        run(
            WORKER.format(here=str(HERE)),
            TF_CONFIG=json.dumps({
                "cluster": {"worker": workers},
                "task": task,
            }),
        )
        for task in tasks
    ]
    sys.path.insert(0, str(HERE))
    import scenario

    x, y, weight = scenario.data()
    single = scenario.model()
    history = single.fit(
        x, y, batch_size=8, shuffle=False, verbose=0, sample_weight=weight
    ).history
    for process in processes:
        (line,) = (
            line.removeprefix("RESULT")
            for line in finish(process).splitlines()
            if line.startswith("RESULT")
        )
        weights, logs = json.loads(line)
        for a, b in zip(single.get_weights(), weights, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)
        for key in ("loss", "gc"):
            np.testing.assert_allclose(logs[key], history[key][0], rtol=1e-4)
