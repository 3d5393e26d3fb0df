"""What an experiment is, and the loop that runs one to its verdict."""

import contextlib
import dataclasses
import itertools
import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from keras_gc._validation import one_of, positive_int
from keras_gc.experiments import verdict as verdicts
from keras_gc.experiments.environment import environment
from keras_gc.experiments.progress import Progress
from keras_gc.experiments.quantities import QUANTITIES, label
from keras_gc.experiments.recipe import WIDTHS, shape_of
from keras_gc.experiments.store import Store
from keras_gc.experiments.verdict import Finding, Trend, Verdict

SCALES = ("smoke", "small", "paper")
DEFAULT_DATASETS = {"smoke": "digits", "small": "mnist", "paper": "cifar10"}
DEFAULT_SEEDS = {"smoke": 2, "small": 3, "paper": 3}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """One claim, the grid that tests it and the function that runs a cell.

    Everything here is fixed before the first run and written into the
    `config.json` of the results.

    Args:
        name: Name on the command line.
        claim: The claim in one sentence of ours.
        settings: For each scale the settings, in the order of the figure.
            A setting is a dict of fields of the recipe that it replaces;
            its `series` (optional) groups settings into one line of the
            figure and is no field.
        recipe: `(scale, dataset) -> dataclass`: all that the settings
            leave as it is. The values are ours, not the paper's.
        run: `(recipe, seed, dataset) -> dict`: does one run and returns what
            it measured as plain JSON values.
        trends: The parts of the claim that are trends.
        judge: `(rows) -> list[Finding]`: the parts that are not.
        thresholds: What `judge` decides by, beside `verdict.THRESHOLDS`.
        uses_data: Whether the runs use a data set.
        network: The network, where it is not the scale's own (`on`).
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
            network: One of `networks.NETWORKS`.

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
                f"be left out. Received: network={network!r}"
            )
        return dataclasses.replace(
            self,
            network=network,
            recipe=lambda scale, dataset: dataclasses.replace(
                self.recipe(scale, dataset), **shape_of(network, scale)
            ),
        )

    def config(self, dataset: str, scale: str, seeds: int) -> dict:
        """Return all that is fixed before the first run.

        Args:
            dataset: Name of the data set.
            scale: "smoke", "small" or "paper".
            seeds: How many seeds.

        Returns:
            A dict of plain JSON values.
        """
        return {
            "experiment": self.name,
            "claim": self.claim,
            "dataset": dataset if self.uses_data else None,
            "network": self.network,
            "scale": scale,
            "seeds": list(range(seeds)),
            "settings": self.settings[scale],
            "recipe": dataclasses.asdict(self.recipe(scale, dataset)),
            "hyper_parameters": "ours, not the paper's",
            "trends": [dataclasses.asdict(trend) for trend in self.trends],
            "thresholds": verdicts.THRESHOLDS | self.thresholds,
            "labels": {name: label(name) for name in QUANTITIES},
        }

    def row(self, setting: dict, seed: int, dataset: str, scale: str) -> dict:
        """Do one run.

        Args:
            setting: The setting.
            seed: The seed.
            dataset: Name of the data set.
            scale: "smoke", "small" or "paper".

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

    def verdict(self, rows: list[dict]) -> Verdict:
        """Judge the claim by the thresholds of the configuration.

        Args:
            rows: The runs.

        Returns:
            A `Verdict`.
        """
        findings = [verdicts.judge_trend(trend, rows) for trend in self.trends]
        findings += self.judge(rows)
        return verdicts.decide(self.name, self.claim, findings, rows)

    def reproduce(
        self,
        folder: Path,
        *,
        dataset: str,
        scale: str,
        seeds: int,
        resume: bool = False,
        progress: bool = True,
    ) -> Verdict:
        """Run the grid, or what is missing of it, and judge the claim.

        Several processes may work on one folder: the first begins, the others
        join with `resume=True`. Each run is done by one of them.

        Args:
            folder: Where the results lie.
            dataset: Name of the data set.
            scale: "smoke", "small" or "paper".
            seeds: How many seeds.
            resume: Whether to go on with the results in the folder.
            progress: Whether to show the grid and the time left.

        Returns:
            A `Verdict`; it is written to `verdict.json` too.
        """
        one_of("scale", scale, SCALES)
        positive_int("seeds", seeds)
        store = Store(folder)
        store.create(self.config(dataset, scale, seeds), resume=resume)
        with (
            Progress(self.name, store, show=progress) as display,
            _expecting_retraces(),
        ):
            # Second round: what other processes had in hand. It waits for
            # them, and does the runs of those that were killed.
            for wait in (False, True):
                for setting, seed in store.missing():
                    with store.claim(setting, seed, wait=wait) as is_ours:
                        if is_ours:
                            display.begin(setting, seed)
                            store.append(
                                self.row(setting, seed, dataset, scale)
                            )
                    display.update()
        verdict = self.verdict(store.rows())
        store.write_verdict(verdict.to_dict())
        return verdict


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
    """Plain JSON values; a number that is not finite becomes None."""
    if isinstance(result, dict):
        return {key: _plain(entry) for key, entry in result.items()}
    if isinstance(result, (list, tuple)):
        return [_plain(entry) for entry in result]
    if isinstance(result, float) and not math.isfinite(result):
        return None
    return result
