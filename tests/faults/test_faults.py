"""A few kills, and full disks; `python -m tests.faults` kills 100 times."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from keras_gc.experiments.store import Store, write_json

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("job, kills", [("fit", 3)])
def test_a_killed_job_ends_as_one_that_was_not_killed(job, kills):
    """In a process of its own: a framework that has started cannot fork."""
    words = ["-m", "tests.faults", "--job", job, "--kills", str(kills)]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 not equal" in done.stdout


@pytest.fixture
def disk_with_room_for():
    """Let files of this process grow to so many bytes, and no further."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def row(seed):
    return {"setting": {"depth": 1}, "seed": seed, "gc": 1.0}


def test_a_full_disk_costs_no_earlier_row(tmp_path, disk_with_room_for):
    store = Store(tmp_path)
    store.create({"settings": [{"depth": 1}], "seeds": [0, 1]})
    store.append(row(0))
    whole = (tmp_path / "rows.jsonl").read_bytes()
    disk_with_room_for(len(whole) + 9)
    with pytest.raises(OSError, match="rows.jsonl could not be written"):
        store.append(row(1))
    torn = (tmp_path / "rows.jsonl").read_bytes()
    assert torn.startswith(whole) and len(torn) == len(whole) + 9
    assert store.rows() == [row(0)] and store.missing() == [({"depth": 1}, 1)]
    disk_with_room_for(10**6)
    store.append(row(1))
    assert store.rows() == [row(0), row(1)]


def test_a_full_disk_leaves_the_file_that_was_there(
    tmp_path, disk_with_room_for
):
    path = tmp_path / "verdict.json"
    write_json(path, {"old": 1})
    disk_with_room_for(30)
    with pytest.raises(OSError, match="verdict.json could not be written"):
        write_json(path, {"new": "x" * 100})
    assert path.read_text() == '{\n "old": 1\n}\n'
