"""The result files of one experiment, as a figure needs them."""

import dataclasses
from pathlib import Path

from keras_gc.experiments.quantities import axis_label
from keras_gc.experiments.rank_correlation import p_phrase
from keras_gc.experiments.rows import value
from keras_gc.experiments.store import Store, read_json


@dataclasses.dataclass(frozen=True)
class Results:
    """What one experiment left in its folder.

    Args:
        folder: path, the folder.
        config: dict, content of `config.json`.
        rows: list of dicts, the finished runs, in the order of the grid.
        verdict: dict, content of `verdict.json`; `None` while the grid runs.
    """

    folder: Path
    config: dict
    rows: list[dict]
    verdict: dict | None

    @classmethod
    def read(cls, folder: Path) -> "Results":
        """Read the files.

        Args:
            folder: path, where they lie.

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
            verdict=read_json(verdict_file) if verdict_file.exists() else None,
        )

    @property
    def title(self) -> str:
        """What was run on what, and what came of it."""
        parts = [self.config["experiment"].replace("_", " ")]
        if self.config["dataset"]:
            note = self.config.get("data_note")
            parts.append(
                self.config["dataset"] + (f" ({note})" if note else "")
            )
        if self.config.get("network"):
            parts.append(self.config["network"])
        parts.append(f"scale {self.config['scale']}")
        title = ", ".join(parts)
        return f"{title}: {self.verdict['outcome']}" if self.verdict else title

    def label(self, name: str) -> str:
        """Return the axis label of a quantity.

        Args:
            name: str, its name in the rows.

        Returns:
            Words, with the unit in brackets.
        """
        return axis_label(name)

    def evidence(self, trend: int) -> str:
        """Return rank correlation and p-value of a trend of the claim.

        Args:
            trend: int, its place among the trends of the configuration.

        Returns:
            A short text; empty where there is no verdict.
        """
        if self.verdict is None or not self.verdict["findings"]:
            return ""
        finding = self.verdict["findings"][trend]
        if finding["rho"] is None:
            return ""
        return f"ρ = {finding['rho']:+.2f}, {p_phrase(finding['p_value'])}"

    def of_series(self, series: str | None) -> list[dict]:
        """Return the runs of one series.

        Args:
            series: str, its name; `None` for all runs.

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
        rows: list of dicts, the runs; those without a finite value are left
            out.
        x: str, name of the first quantity.
        y: str, name of the second.

    Returns:
        Pairs, sorted.
    """
    pairs = [(value(row, x), value(row, y)) for row in rows]
    return sorted(pair for pair in pairs if None not in pair)


def curves(rows: list[dict], y: str) -> dict[int, list[float]]:
    """Return a quantity along training, from several runs.

    Args:
        rows: list of dicts, the runs.
        y: str, name of a quantity of the curve.

    Returns:
        From step to the values of the runs that were recorded there.
    """
    recorded: dict[int, list[float]] = {}
    for row in rows:
        for point in row["result"]["curve"]:
            if point[y] is not None:
                recorded.setdefault(point["step"], []).append(point[y])
    return dict(sorted(recorded.items()))
