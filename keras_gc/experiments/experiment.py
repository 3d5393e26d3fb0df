"""What an experiment is, and the loop that runs one to its verdict."""

import contextlib
import dataclasses
import itertools
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from keras_gc._validation import one_of, positive_int, shown
from keras_gc.experiments.environment import environment
from keras_gc.experiments.finding import Finding
from keras_gc.experiments.progress import Progress
from keras_gc.experiments.provenance import data_note
from keras_gc.experiments.recipe import WIDTHS, shape_of
from keras_gc.experiments.store import Store
from keras_gc.experiments.trend import THRESHOLDS, Trend, judge_trend
from keras_gc.experiments.verdict import Verdict, decide

SCALES = ("smoke", "small", "paper")
DEFAULT_DATASETS = {"smoke": "digits", "small": "mnist", "paper": "cifar10"}
DEFAULT_SEEDS = {"smoke": 2, "small": 3, "paper": 3}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """One claim, the grid that tests it and the function that runs a cell.

    All of this is fixed before the first run and written into the
    `config.json` of the results.

    Args:
        name: str, name on the command line.
        claim: str, the claim in one sentence of ours.
        settings: dict, for each scale the settings, in the order of the figure.
            A setting is a dict of fields of the recipe that it replaces; its
            `series` (optional) groups settings into one line of the figure and
            is no field.
        recipe: callable, `(scale, dataset) -> dataclass`, everything that the
            settings do not change. The values are ours, not the paper's.
        run: callable, `(recipe, seed, dataset) -> dict`, does one run and
            returns what it measured as plain JSON values.
        trends: tuple, the parts of the claim that are trends.
        judge: callable, `(rows) -> list[Finding]`, the parts that are not.
        thresholds: dict, what `judge` decides by, in addition to
            `trend.THRESHOLDS`.
        uses_data: bool, whether the runs use a data set.
        network: str, the network, if not the scale's own (see `on`).
    """

    name: str
    claim: str
    settings: dict[str, list[dict[str, Any]]]
    recipe: Callable[[str, str], Any]
    run: Callable[[Any, int, str], dict]
    trends: tuple[Trend, ...] = ()
    judge: Callable[[list[dict]], list[Finding]] = lambda rows: []
    thresholds: dict[str, float] = dataclasses.field(default_factory=dict)
    uses_data: bool = True
    network: str | None = None

    def on(self, network: str) -> "Experiment":
        """Return the same experiment on another network.

        Args:
            network: str, one of `networks.NETWORKS`.

        Returns:
            An `Experiment`.

        Raises:
            ValueError: If there is no such network, or the experiment chooses
                its own.
        """
        one_of("network", network, WIDTHS)
        recipe = self.recipe("smoke", DEFAULT_DATASETS["smoke"])
        settings = itertools.chain(*self.settings.values())
        if not hasattr(recipe, "network") or any(
            {"network", "depth"} & setting.keys() for setting in settings
        ):
            raise ValueError(
                f"{self.name!r} chooses its own networks, and `network` must "
                f"be left out. Received: network={shown(network)}"
            )
        return dataclasses.replace(
            self,
            network=network,
            recipe=lambda scale, dataset: dataclasses.replace(
                self.recipe(scale, dataset), **shape_of(network, scale)
            ),
        )

    def trends_at(self, scale: str) -> list[Trend]:
        """Return the trends whose series the grid of one scale holds.

        Args:
            scale: str, "smoke", "small" or "paper".

        Returns:
            A list of `Trend`.
        """
        series = {setting.get("series") for setting in self.settings[scale]}
        return [t for t in self.trends if t.series in series | {None}]

    def config(
        self, dataset: str, scale: str, seeds: int | Sequence[int]
    ) -> dict:
        """Return all that is fixed before the first run.

        Args:
            dataset: str, name of the data set.
            scale: str, "smoke", "small" or "paper".
            seeds: int or list of ints, how many seeds, from 0 on, or which.

        Returns:
            A dict of plain JSON values.
        """
        return {
            "experiment": self.name,
            "claim": self.claim,
            "dataset": dataset if self.uses_data else None,
            "data_note": data_note(dataset) if self.uses_data else None,
            "network": self.network,
            "scale": scale,
            "seeds": list(range(seeds) if isinstance(seeds, int) else seeds),
            "settings": self.settings[scale],
            "recipe": dataclasses.asdict(self.recipe(scale, dataset)),
            "hyper_parameters": "ours, not the paper's",
            "trends": [dataclasses.asdict(t) for t in self.trends_at(scale)],
            "thresholds": THRESHOLDS | self.thresholds,
        }

    def row(self, setting: dict, seed: int, dataset: str, scale: str) -> dict:
        """Do one run.

        Args:
            setting: dict, the setting.
            seed: int, the seed.
            dataset: str, name of the data set.
            scale: str, "smoke", "small" or "paper".

        Returns:
            The row of the run.
        """
        fields = {k: v for k, v in setting.items() if k != "series"}
        recipe = dataclasses.replace(self.recipe(scale, dataset), **fields)
        started = time.time()
        result = self.run(recipe, seed, dataset)
        return {
            "setting": setting,
            "seed": seed,
            "result": _plain(result),
            "recipe": dataclasses.asdict(recipe),
            "environment": environment(),
            "time": {"started": started, "seconds": time.time() - started},
        }

    def verdict(self, rows: list[dict], scale: str = "small") -> Verdict:
        """Judge the claim by the thresholds of the configuration.

        Args:
            rows: list of dicts, the runs.
            scale: str, at "smoke" nothing is judged: so little is no evidence.
                Defaults to "small".

        Returns:
            A `Verdict`.
        """
        findings: list[Finding] = []
        if scale != "smoke":
            findings = [
                judge_trend(trend, rows) for trend in self.trends_at(scale)
            ]
            findings += self.judge(rows)
        return decide(self.name, self.claim, findings, rows)

    def reproduce(
        self,
        folder: Path,
        *,
        dataset: str,
        scale: str,
        seeds: int | Sequence[int],
        resume: bool = False,
        progress: bool = True,
    ) -> Verdict:
        """Run the grid, or what is missing of it, and judge the claim.

        Several processes may work on one folder: the first begins, the others
        join with `resume=True`. Each run is done by one of them.

        Args:
            folder: path, where the results lie.
            dataset: str, name of the data set.
            scale: str, "smoke", "small" or "paper".
            seeds: int or list of ints, how many seeds, from 0 on, or which.
            resume: bool, whether to go on with the results in the folder; seeds
                that it does not hold are added. Defaults to False.
            progress: bool, whether to show the grid and the time left. Defaults
                to True.

        Returns:
            A `Verdict`; it is written to `verdict.json` too.
        """
        one_of("scale", scale, SCALES)
        check_seeds(seeds)
        store = Store(folder)
        store.create(self.config(dataset, scale, seeds), resume=resume)
        with (
            Progress(self.name, store, show=progress) as display,
            _expecting_retraces(),
        ):
            # The second round waits for the runs that other processes have in
            # hand, and does those of processes that were killed.
            for wait in (False, True):
                for setting, seed in store.missing():
                    with store.reserve(setting, seed, wait=wait) as is_ours:
                        if is_ours:
                            display.begin(setting, seed)
                            store.append(
                                self.row(setting, seed, dataset, scale)
                            )
                    display.update()
        verdict = self.verdict(store.rows(), scale)
        store.write_verdict(verdict.to_dict())
        return verdict


def check_seeds(seeds: int | Sequence[int]) -> None:
    """Raise if seeds are neither a count nor a list of different seeds.

    Args:
        seeds: int or list of ints, how many seeds, an int >= 1, or which: ints
            >= 0.

    Raises:
        ValueError: If they are neither.
    """
    if isinstance(seeds, int):
        positive_int("seeds", seeds)
        return
    are_seeds = all(isinstance(seed, int) and seed >= 0 for seed in seeds)
    if not seeds or not are_seeds or len(set(seeds)) < len(seeds):
        raise ValueError(
            "`seeds` must be a count, an int >= 1, or a list of different "
            f"ints >= 0. Received: seeds={shown(seeds)}"
        )


@contextlib.contextmanager
def _expecting_retraces() -> Iterator[None]:
    """Silence TensorFlow's warning: each run traces a network of its own."""

    def is_other(record: logging.LogRecord) -> bool:
        return "retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


def _plain(result: Any) -> Any:
    """Return plain JSON values; a number that is not finite becomes None."""
    if isinstance(result, dict):
        return {key: _plain(entry) for key, entry in result.items()}
    if isinstance(result, (list, tuple)):
        return [_plain(entry) for entry in result]
    if isinstance(result, float) and not math.isfinite(result):
        return None
    return result
