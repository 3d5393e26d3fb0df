"""Results of one experiment in one folder: a row for each finished run.

`config.json` is written once, before the first run. `rows.jsonl` gains one
line for each finished run, so a process that is killed loses at most the run
in progress. `.locks/` holds one lock for each run; the operating system
releases a lock with the process that held it, so a killed process leaves
nothing to clean up.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import filelock

Row = dict[str, Any]


class Store:
    """The folder that holds the results of one experiment.

    Args:
        folder: str or path, where `config.json` and `rows.jsonl` lie. It is
            created by `create()`; reading alone creates nothing.
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder)

    @property
    def _rows_file(self) -> Path:
        return self.folder / "rows.jsonl"

    def create(self, config: dict, *, resume: bool = False) -> None:
        """Begin an experiment here, or go on with one that was begun.

        Args:
            config: dict, everything that is fixed before the first run, as
                plain JSON values.
            resume: bool, whether the folder may hold runs of this `config`.
                Seeds that it does not have yet are added to it. Defaults to
                False.

        Raises:
            ValueError: If the folder holds another configuration.
            FileExistsError: If it holds finished runs and `resume` is false.
        """
        config = json.loads(json.dumps(config))  # tuples become lists
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock("folder"):
            if not (self.folder / "config.json").exists():
                write_json(self.folder / "config.json", config)
                return
            there, num_rows = self.config(), len(self._finished_lines())
            if resume:
                new = set(config["seeds"]).difference(there["seeds"])
                config["seeds"] = there["seeds"] + sorted(new)
            differences = _differences(there, config)
            if resume and set(differences) <= {"seeds"}:
                write_json(self.folder / "config.json", config)
                return
        if differences:
            hint = "" if num_rows else " (Nothing is lost if you delete it.)"
            raise ValueError(
                f"{self.folder} belongs to runs of another configuration, and "
                f"the two must not mix. They differ in "
                f"{'; '.join(differences.values())}. Choose another folder "
                f"with `--out`, or ask for the same configuration again.{hint}"
            )
        if num_rows:
            raise FileExistsError(
                f"{self.folder} already holds results ({num_rows} finished "
                "runs). Go on with them with `--resume` (resume=True), or "
                "choose another folder with `--out`."
            )

    def config(self) -> dict:
        """Return what was fixed before the first run.

        Returns:
            The content of `config.json`.

        Raises:
            FileNotFoundError: If no experiment was begun in this folder.
            ValueError: If the file holds no JSON.
        """
        try:
            return read_json(self.folder / "config.json")
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{self.folder} holds no results: it has no config.json. Run "
                f"`keras-gc reproduce {self.folder.name} --out "
                f"{self.folder.parent}` first."
            ) from None

    def rows(self) -> list[Row]:
        """Return the finished runs in the order of the grid.

        Returns:
            One dict for each run, ordered as `config()["settings"]` and then
            by seed, whatever the order in which the runs finished. A last
            line that a killed process left unfinished is not a run.
        """
        order = {
            run_key(setting, seed): place
            for place, (setting, seed) in enumerate(self.grid())
        }
        rows = [
            _parsed(line, f"line {number} of {self._rows_file}")
            for number, line in enumerate(self._finished_lines(), 1)
        ]
        return sorted(
            rows, key=lambda row: order[run_key(row["setting"], row["seed"])]
        )

    def grid(self) -> list[tuple[dict, int]]:
        """Return every run of the experiment as (setting, seed).

        Returns:
            A list of pairs, all seeds of the first setting first.
        """
        config = self.config()
        return [
            (setting, seed)
            for setting in config["settings"]
            for seed in config["seeds"]
        ]

    def missing(self) -> list[tuple[dict, int]]:
        """Return the runs that have no row yet.

        Returns:
            A list of (setting, seed).
        """
        done = {run_key(row["setting"], row["seed"]) for row in self.rows()}
        return [run for run in self.grid() if run_key(*run) not in done]

    @contextlib.contextmanager
    def reserve(
        self, setting: dict, seed: int, *, wait: bool = False
    ) -> Iterator[bool]:
        """Hold one run, so that no other process does it at the same time.

        Args:
            setting: dict, the setting of the run.
            seed: int, the seed of the run.
            wait: bool, whether to wait for a process that holds the run now.
                Defaults to False.

        Yields:
            Whether the run is ours to do: false where another process holds
            it, or where it is finished already.
        """
        import filelock

        lock = self._lock(f"run-{run_key(setting, seed)}")
        try:
            lock.acquire(timeout=-1 if wait else 0)
        except filelock.Timeout:
            yield False
            return
        try:
            # Another process may have finished the run since we last looked.
            yield (setting, seed) in self.missing()
        finally:
            lock.release()

    def append(self, row: Row) -> None:
        """Add one finished run.

        Args:
            row: `Row`, the run, with at least `setting` and `seed`.
        """
        line = json.dumps(row, allow_nan=False).encode() + b"\n"
        with _told(self._rows_file), self._lock("rows"):
            with self._rows_file.open("ab") as file:
                file.truncate(sum(map(len, self._finished_lines())))
                file.write(line)
                file.flush()
                os.fsync(file.fileno())

    def write_verdict(self, verdict: dict) -> None:
        """Write `verdict.json`, after the last run.

        Args:
            verdict: dict, plain JSON values. Processes that end at the same
                time write the same ones, one after the other.
        """
        with self._lock("folder"):
            write_json(self.folder / "verdict.json", verdict)

    def _finished_lines(self) -> list[bytes]:
        """Lines that were written to their end; a torn last line is not."""
        try:
            content = self._rows_file.read_bytes()
        except FileNotFoundError:
            return []
        return content[: content.rfind(b"\n") + 1].splitlines(keepends=True)

    def _lock(self, name: str) -> "filelock.BaseFileLock":
        import filelock

        locks = self.folder / ".locks"
        locks.mkdir(exist_ok=True)
        return filelock.FileLock(locks / name)


def run_key(setting: dict, seed: int) -> str:
    """Return a short name of one run, the same in every process.

    Args:
        setting: dict, the setting of the run.
        seed: int, the seed of the run.

    Returns:
        Twelve hexadecimal digits.
    """
    text = json.dumps([setting, seed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all.

    Args:
        path: path, the file.
        value: Plain JSON values.
    """
    part = path.with_suffix(".part")
    with _told(path):
        part.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
        os.replace(part, path)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say of a file that cannot be written which it is and what to do."""
    try:
        yield
    except OSError as error:  # a full disk names no file
        raise OSError(
            f"{path} could not be written: {error.strerror or error}. What it "
            "held before is kept. Make room, and go on with `--resume`."
        ) from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Args:
        path: path, the file.

    Returns:
        Its content.

    Raises:
        ValueError: If it holds no JSON; the sentence names the file.
    """
    return _parsed(path.read_bytes(), str(path))


def _parsed(content: bytes, where: str) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:  # broken JSON, or bytes that are no text
        raise ValueError(
            f"{where} holds no valid JSON ({error}). Restore it from a copy, "
            "or choose another folder with `--out`."
        ) from None


def _differences(there: Any, asked: Any, name: str = "") -> dict[str, str]:
    """Return, for each key that differs, a phrase with both values."""
    if not (isinstance(there, dict) and isinstance(asked, dict)):
        if there == asked:
            return {}
        return {name: f"{name} ({_shown(there)} there, {_shown(asked)} asked)"}
    return {
        path: phrase
        for key in sorted(there.keys() | asked.keys())
        for path, phrase in _differences(
            there.get(key, _ABSENT),
            asked.get(key, _ABSENT),
            f"{name}.{key}" if name else key,
        ).items()
    }


_ABSENT = object()


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
