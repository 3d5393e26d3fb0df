"""The result files of one experiment, as a figure needs them."""

import dataclasses
import json
from pathlib import Path

from keras_gc.experiments.rows import value
from keras_gc.experiments.store import Store


@dataclasses.dataclass(frozen=True)
class Results:
    """What one experiment left in its folder.

    Args:
        folder: The folder.
        config: Content of `config.json`.
        rows: The finished runs, in the order of the grid.
        verdict: Content of `verdict.json`; `None` while the grid runs.
    """

    folder: Path
    config: dict
    rows: list[dict]
    verdict: dict | None

    @classmethod
    def read(cls, folder: Path) -> "Results":
        """Read the files.

        Args:
            folder: Where they lie.

        Returns:
            A `Results`.

        Raises:
            FileNotFoundError: If no run has finished there.
        """
        store = Store(folder)
        config, rows = store.config(), store.rows()
        if not rows:
            raise FileNotFoundError(
                f"{folder} holds no finished run yet. Go on with `keras-gc "
                f"reproduce {folder.name} --out {folder.parent} --resume` "
                "first."
            )
        verdict_file = folder / "verdict.json"
        return cls(
            folder=folder,
            config=config,
            rows=rows,
            verdict=json.loads(verdict_file.read_text("utf-8"))
            if verdict_file.exists()
            else None,
        )

    @property
    def title(self) -> str:
        """What was run on what, and what came of it."""
        parts = [self.config["experiment"].replace("_", " ")]
        if self.config["dataset"]:
            parts.append(self.config["dataset"])
        if self.config.get("network"):
            parts.append(self.config["network"])
        parts.append(f"scale {self.config['scale']}")
        title = ", ".join(parts)
        return f"{title}: {self.verdict['outcome']}" if self.verdict else title

    def label(self, name: str) -> str:
        """Return the axis label of a quantity.

        Args:
            name: Its name in the rows.

        Returns:
            Words, with the unit in brackets.
        """
        return self.config["labels"][name]

    def evidence(self, trend: int) -> str:
        """Return rank correlation and p-value of a trend of the claim.

        Args:
            trend: Its place among the trends of the configuration.

        Returns:
            A short text; empty while there is no verdict.
        """
        if self.verdict is None:
            return ""
        finding = self.verdict["findings"][trend]
        if finding["rho"] is None:
            return ""
        return f"ρ = {finding['rho']:+.2f}, p = {finding['p_value']:.1g}"

    def of_series(self, series: str | None) -> list[dict]:
        """Return the runs of one series.

        Args:
            series: Its name; `None` for all runs.

        Returns:
            Rows.
        """
        return [
            row
            for row in self.rows
            if series in {None, row["setting"].get("series")}
        ]


def points(rows: list[dict], x: str, y: str) -> list[tuple[float, float]]:
    """Return two quantities of each run.

    Args:
        rows: The runs; those without a finite value are left out.
        x: Name of the first quantity.
        y: Name of the second.

    Returns:
        Pairs, sorted.
    """
    pairs = [(value(row, x), value(row, y)) for row in rows]
    return sorted(pair for pair in pairs if None not in pair)


def curves(rows: list[dict], y: str) -> dict[int, list[float]]:
    """Return a quantity along training, from several runs.

    Args:
        rows: The runs.
        y: Name of a quantity of the curve.

    Returns:
        From step to the values of the runs that were recorded there.
    """
    recorded: dict[int, list[float]] = {}
    for row in rows:
        for point in row["result"]["curve"]:
            if point[y] is not None:
                recorded.setdefault(point["step"], []).append(point[y])
    return dict(sorted(recorded.items()))
