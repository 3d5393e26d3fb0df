"""The script that spreads one grid over a cluster, on a local one."""

import collections
import json
import os
import subprocess
import sys

import pytest

from tests.pages import ROOT

pytest.importorskip("distributed")


@pytest.mark.slow
def test_workers_share_a_grid_and_no_run_is_done_twice(tmp_path):
    script = ROOT / "notebooks" / "dask_grid.py"
    words = ["local", "reproduce", "explicit", "--scale", "smoke"]
    words += ["--dataset", "digits", "--out", str(tmp_path)]
    subprocess.run(
        [sys.executable, script, *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        timeout=300,
    )
    rows = [
        json.loads(line)
        for path in tmp_path.rglob("rows.jsonl")
        for line in path.read_text().splitlines()
    ]
    (config,) = tmp_path.rglob("config.json")
    config = json.loads(config.read_text())
    runs = collections.Counter(
        (json.dumps(row["setting"], sort_keys=True), row["seed"])
        for row in rows
    )
    assert len(runs) == len(config["settings"]) * len(config["seeds"])
    assert set(runs.values()) == {1}
    assert list(tmp_path.rglob("verdict.json"))
