"""The verdicts of many experiments in one table."""

from pathlib import Path

from keras_gc.experiments import NAMES
from keras_gc.experiments.rank_correlation import p_phrase
from keras_gc.experiments.store import read_json

_HEAD = (
    "| claim | data (training examples, at most) | ρ | p | verdict | command |",
    "| --- | --- | --- | --- | --- | --- |",
)


def summary(folder: str | Path) -> str:
    """Write the verdicts below a folder as a Markdown table.

    Args:
        folder: str or path, the folder given to `keras-gc reproduce --out`, or
            one that holds several of these.

    Returns:
        The lines of the table: one for each part of each claim, in the order
        of the paper.

    Raises:
        FileNotFoundError: If no experiment has ended there.
    """
    files = list(Path(folder).rglob("verdict.json"))
    if not files:
        raise FileNotFoundError(
            f"{folder} holds no verdict (no verdict.json). Run `keras-gc "
            f"reproduce NAME --out {folder}` first."
        )
    results = [
        (read_json(file), read_json(file.with_name("config.json")))
        for file in files
    ]
    results.sort(
        key=lambda result: (
            NAMES.index(result[1]["experiment"]),
            str(result[1]["dataset"]) != "mnist",
            str(result[1]["dataset"]),
        )
    )
    lines = [line for result in results for line in _lines(*result)]
    return "\n".join([*_HEAD, *lines])


def _lines(verdict: dict, config: dict) -> list[str]:
    data = config["dataset"] or "none"
    notes = (config["recipe"].get("num_train"), config.get("data_note"))
    if known := [str(note) for note in notes if note]:
        data += f" ({', '.join(known)})"
    command = f"`keras-gc reproduce {config['experiment']}"
    if config["dataset"]:
        command += f" --dataset {config['dataset']}"
    if config.get("network"):
        command += f" --network {config['network']}"
    command += f" --scale {config['scale']} --seeds {_seeds(config['seeds'])}`"
    lines = []
    for finding in verdict["findings"]:
        rho, p_value = finding["rho"], finding["p_value"]
        cells = (
            finding["part"],
            data,
            "–" if rho is None else f"{rho:+.2f}",
            "–"
            if p_value is None
            else p_phrase(p_value).removeprefix("p = ").removeprefix("p "),
            finding["outcome"],
            command,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _seeds(seeds: list[int]) -> str:
    """Return seeds as the command takes them."""
    if seeds == list(range(len(seeds))):
        return str(len(seeds))
    return ",".join(map(str, seeds)) + "," * (len(seeds) == 1)
