"""`python -m tests.faults --kills 100`: SIGKILL at random moments.

Each job is killed again and again, and started again, until it ends by itself;
then everything that it leaves must equal what an uninterrupted one leaves.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import keras
import numpy as np

import keras_gc  # noqa: F401 - here once, so that each process starts at once
from tests.faults.jobs import JOBS


def start(job, folder):
    """Run a job in a process of its own; return its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX has started nothing yet
        pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        folder.mkdir(exist_ok=True)
        JOBS[job](folder)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def ended(pid):
    """Whether a process has ended by itself; its failure is an error."""
    done, status = os.waitpid(pid, os.WNOHANG)
    if done and status:
        raise SystemExit(f"the job failed with status {status}")
    return bool(done)


def run_or_kill(job, folder, seconds):
    """Start a job; kill it after some seconds, if it still runs then."""
    pid, deadline = start(job, folder), time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ended(pid):
            return True
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status) and status:
        raise SystemExit(f"the job failed with status {status}")
    return not os.WIFSIGNALED(status)


def result(folder):
    with np.load(folder / "result.npz") as arrays:
        return dict(arrays)


def differences(one, other):
    if one.keys() != other.keys():
        return sorted(one.keys() ^ other.keys())
    return [k for k in one if not np.array_equal(one[k], other[k])]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--job", choices=sorted(JOBS), default="fit")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e9)
    options = parser.parse_args()
    draw, kills, runs, faults = random.Random(options.seed), 0, 0, 0
    # It imports frameworks, which each process would do again.
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as room:
        whole, folder = Path(room, "whole"), Path(room, "killed")
        begin = time.monotonic()
        run_or_kill(options.job, whole, 3600)
        duration = time.monotonic() - begin
        expected = result(whole)
        while kills < options.kills or runs == 0:
            # After the last kill the job may end in peace.
            is_last = kills >= options.kills or (
                time.monotonic() - begin > 60 * options.minutes
            )
            seconds = 3600 if is_last else draw.uniform(0, 1.1 * duration)
            if not run_or_kill(options.job, folder, seconds):
                kills += 1
                continue
            runs += 1
            if wrong := differences(expected, result(folder)):
                faults += 1
                print(f"after {kills} kills: not equal: {wrong}", flush=True)
            shutil.rmtree(folder)
            if is_last:
                break
    print(f"{options.job}: {kills} kills, {runs} runs to the end, "
          f"{faults} not equal, {duration:.1f} s without a kill")  # fmt: skip
    raise SystemExit(bool(faults))


main()
