"""A few kills, and full disks; `python -m tests.faults` kills 100 times."""

import subprocess
import sys
from pathlib import Path

import pytest

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
