import collections
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keras_gc.experiments.store import Store

CONFIG = {"settings": [{"depth": 1}, {"depth": 2}], "seeds": [0, 1]}
DEADLINE = 60  # seconds for a process that needs two
SCRIPT = Path(__file__).with_name("fake_experiment.py")


def row(depth, seed, **more):
    return {"setting": {"depth": depth}, "seed": seed, "result": {}, **more}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "results")
    store.create(CONFIG)
    return store


def start(folder, log, *options):
    return subprocess.Popen([sys.executable, SCRIPT, folder, log, *options])


def rows_without_time(folder):
    lines = (folder / "rows.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    for each in rows:
        assert each.pop("time")["seconds"] >= 0
    return rows


def test_rows_come_in_the_order_of_the_grid_not_of_arrival(store):
    for depth, seed in [(2, 1), (1, 1), (2, 0), (1, 0)]:
        store.append(row(depth, seed))
    read = [(each["setting"]["depth"], each["seed"]) for each in store.rows()]
    assert read == [(1, 0), (1, 1), (2, 0), (2, 1)]


def test_a_torn_last_line_is_no_run_and_the_next_row_replaces_it(store):
    store.append(row(1, 0))
    whole = (store.folder / "rows.jsonl").read_bytes()
    with (store.folder / "rows.jsonl").open("ab") as file:
        file.write(b'{"setting": {"depth": 1}, "se')
    assert len(store.rows()) == 1
    assert ({"depth": 1}, 1) in store.missing()

    store.append(row(1, 1))
    content = (store.folder / "rows.jsonl").read_bytes()
    assert content.startswith(whole) and content.endswith(b"\n")
    assert len(store.rows()) == 2


def test_a_folder_with_runs_needs_resume_and_says_so(store):
    store.create(CONFIG)  # nothing has finished: as good as new
    store.append(row(1, 0))
    with pytest.raises(FileExistsError, match="--resume.*--out"):
        store.create(CONFIG)
    store.create(CONFIG, resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_another_configuration_is_refused_with_the_values(store, resume):
    other = CONFIG | {"recipe": {"epochs": 3}, "scale": "small"}
    match = (
        r"differ in recipe \(nothing there, \{\"epochs\": 3\} asked\); "
        r"scale \(nothing there, \"small\" asked\)\..*delete it"
    )
    with pytest.raises(ValueError, match=match):
        store.create(other, resume=resume)
    store.append(row(1, 0))
    with pytest.raises(ValueError, match="differ in") as refusal:
        store.create(other, resume=resume)
    assert "delete" not in str(refusal.value)


def test_a_difference_deep_inside_is_named_by_its_path(tmp_path):
    store = Store(tmp_path)
    store.create(CONFIG | {"recipe": {"epochs": 2, "width": 8}})
    with pytest.raises(ValueError, match=r"in recipe.epochs \(2 there, 3 ask"):
        store.create(CONFIG | {"recipe": {"epochs": 3, "width": 8}})


def test_resume_adds_seeds_and_never_drops_any(store):
    store.append(row(1, 0))
    with pytest.raises(ValueError, match=r"seeds \(\[0, 1\] there, \[0, 7\]"):
        store.create(CONFIG | {"seeds": [0, 7]})
    store.create(CONFIG | {"seeds": [0, 7]}, resume=True)
    assert store.config() == CONFIG | {"seeds": [0, 1, 7]}
    assert ({"depth": 2}, 7) in store.missing()
    assert [each["seed"] for each in store.rows()] == [0]


@pytest.mark.parametrize(
    "name, content",
    [("config.json", b'{"seeds": [0'), ("config.json", b"\xff\xfe\xfd")],
    ids=["cut off", "no text"],
)
def test_a_broken_file_is_named(store, name, content):
    (store.folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} holds no valid JSON"):
        store.config()


def test_a_broken_line_is_named_with_its_number(store):
    store.append(row(1, 0))
    with (store.folder / "rows.jsonl").open("ab") as file:
        file.write(b"half a row\n")
    with pytest.raises(ValueError, match="line 2 of .*rows.jsonl"):
        store.rows()


def test_reading_an_empty_folder_says_what_to_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="keras-gc reproduce"):
        Store(tmp_path).rows()


def test_a_run_is_reserved_once_and_free_again_afterwards(store):
    other = Store(store.folder)
    with store.reserve({"depth": 1}, 0) as is_ours:
        assert is_ours
        with other.reserve({"depth": 1}, 0) as is_theirs:
            assert not is_theirs
        with other.reserve({"depth": 1}, 1) as is_theirs:
            assert is_theirs
    with other.reserve({"depth": 1}, 0) as is_theirs:
        assert is_theirs


def test_a_finished_run_cannot_be_reserved(store):
    store.append(row(1, 0))
    with store.reserve({"depth": 1}, 0) as is_ours:
        assert not is_ours


def test_a_run_that_raises_frees_its_reservation(store):
    with pytest.raises(RuntimeError), store.reserve({"depth": 1}, 0):
        raise RuntimeError
    with store.reserve({"depth": 1}, 0) as is_ours:
        assert is_ours


def test_a_row_with_nan_is_refused_because_json_has_none(store):
    with pytest.raises(ValueError, match="JSON"):
        store.append(row(1, 0, gc=float("nan")))
    assert store.rows() == []


def test_kill_and_resume_leave_the_same_file_as_no_kill(tmp_path):
    assert start(tmp_path / "whole", tmp_path / "log").wait(DEADLINE) == 0
    killed, log = tmp_path / "killed", tmp_path / "killed.log"
    for rows_before_kill in (2, 7):
        process = start(killed, log, "--slow", "--resume")
        wait_for_rows(killed, rows_before_kill, process)
        process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE)
    finished = count_lines(killed / "rows.jsonl")
    assert finished < 12
    assert start(killed, log, "--resume").wait(DEADLINE) == 0

    assert rows_without_time(killed) == rows_without_time(tmp_path / "whole")
    begun = collections.Counter(log.read_text().split())
    assert len(begun) == 12
    # Nothing but the two runs in progress at the kills was done again.
    assert 12 <= begun.total() <= 14 and max(begun.values()) <= 3


def test_two_processes_share_a_folder_and_no_run_is_done_twice(tmp_path):
    folder, log = tmp_path / "shared", tmp_path / "log"
    workers = [start(folder, log, "--slow", "--resume") for _ in range(2)]
    assert [worker.wait(DEADLINE) for worker in workers] == [0, 0]
    assert sorted(log.read_text().split()) == sorted(
        f"{depth}-{seed}" for depth in (1, 2, 3, 4) for seed in range(3)
    )
    assert len(Store(folder).rows()) == 12


def test_the_last_process_waits_for_a_run_in_other_hands(tmp_path):
    folder, log = tmp_path / "shared", tmp_path / "log"
    assert start(folder, log).wait(DEADLINE) == 0
    (folder / "rows.jsonl").unlink()
    with Store(folder).reserve({"depth": 1}, 0):
        worker = start(folder, log, "--resume")
        wait_for_rows(folder, 11, worker)
    # We let go without a row, as a killed process does.
    assert worker.wait(DEADLINE) == 0
    assert Store(folder).missing() == []


def wait_for_rows(folder, number, worker):
    deadline = time.monotonic() + DEADLINE
    while count_lines(folder / "rows.jsonl") < number:
        assert worker.poll() is None
        assert time.monotonic() < deadline, "too slow"
        time.sleep(0.005)


def count_lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0
