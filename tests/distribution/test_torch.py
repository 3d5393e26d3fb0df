"""torch: DistributedDataParallel in a training loop of one's own.

Keras's `fit` runs in one process on torch (keras 3.15); two processes train
with an estimator's values in the loss, and the gradients that DDP averages
are those of the whole batch.
"""

import os
import socket
import subprocess
import sys

import keras
import pytest

if keras.config.backend() != "torch":
    pytest.skip("DistributedDataParallel is torch's", allow_module_level=True)

WORKER = """
import os
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


def test_two_processes_average_to_the_whole_batch():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER],
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
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err[-4000:]
        assert "gradients agree" in out
