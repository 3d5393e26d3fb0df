"""What GC tells of the generalisation gap, next to other measures.

Over all trained networks in result folders, as PGDL scores measures (Jiang et
al. 2020, "NeurIPS 2020 competition: predicting generalization in deep
learning"): two networks of one folder are compared, and a measure is worth as
much as the sign of its difference tells of the sign of the difference of the
gaps. The folder is held fixed, and with it the data and all that its experiment
does not vary.
"""

import itertools
import math
from collections import Counter
from pathlib import Path

from keras_gc.experiments.quantities import phrase
from keras_gc.experiments.rank_correlation import rank_correlation
from keras_gc.experiments.store import Store

MEASURES = (
    "gc_train",
    "margin_gc",
    "spectral_bound",
    "sharpness",
    "weight_norm",
)
_HEAD = (
    "| measure | networks | folders | ρ with the gap | information | "
    "that GC adds |",
    "| --- | --- | --- | --- | --- | --- |",
)


def predictors(folder: str | Path) -> list[dict]:
    """Score each measure by what it tells of the generalisation gap.

    Args:
        folder: str or path, holds results of `keras-gc reproduce`, at any
            depth.

    Returns:
        For each measure a dict: in how many `networks` and `folders` it was
        measured; `rho`, the rank correlation with the gap within a folder, a
        mean over folders weighted by networks; `information`, the share of
        the information on which of two networks has the larger gap; and
        `gc_adds`, the share that GC tells where the measure is known.

    Raises:
        FileNotFoundError: If there is no trained network.
    """
    folders = [_networks(file) for file in Path(folder).rglob("rows.jsonl")]
    scored = [_score(name, folders) for name in MEASURES]
    if not any(entry["networks"] for entry in scored):
        raise FileNotFoundError(
            f"{folder} holds no trained network (no rows.jsonl with "
            "accuracies). Run `keras-gc reproduce NAME` first."
        )
    return scored


def predictor_table(folder: str | Path) -> str:
    """Write the scores of all measures as a Markdown table.

    Args:
        folder: str or path, as for `predictors`.

    Returns:
        The lines of the table.
    """
    lines = [
        f"| {phrase(entry['measure'])} | {entry['networks']} | "
        f"{entry['folders']} | {entry['rho']:+.2f} | "
        f"{entry['information']:.1%} | {entry['gc_adds']:.1%} |"
        for entry in predictors(folder)
        if entry["networks"]
    ]
    return "\n".join([*_HEAD, *lines])


def _networks(file: Path) -> list[dict]:
    """Return the measures and the gap of each network of one folder."""
    networks = []
    for row in Store(file.parent).rows():
        result = row["result"]
        if None in {result.get("train_accuracy"), result.get("gc_train")}:
            continue
        gap = result["train_accuracy"] - result["test_accuracy"]
        networks.append(result | {"gap": gap})
    return networks


def _score(name: str, folders: list[list[dict]]) -> dict:
    known = [
        [network for network in networks if network.get(name) is not None]
        for networks in folders
    ]
    known = [networks for networks in known if len(networks) > 2]
    total = sum(map(len, known))
    rho = sum(
        len(networks)
        * rank_correlation(
            [network[name] for network in networks],
            [network["gap"] for network in networks],
        )
        for networks in known
    )
    pairs = [
        (place, *signs)
        for place, networks in enumerate(known)
        for signs in _signs(name, networks)
    ]
    entropy = _entropy(pairs, given=(0,))
    if not total or not entropy:
        return {"measure": name, "networks": 0, "folders": 0}
    left = _entropy(pairs, given=(0, 1))
    return {
        "measure": name,
        "networks": total,
        "folders": len(known),
        "rho": rho / total,
        "information": 1 - left / entropy,
        "gc_adds": (left - _entropy(pairs, given=(0, 1, 2))) / entropy,
    }


def _signs(name: str, networks: list[dict]) -> list[tuple[bool, bool, bool]]:
    """Return for pairs whether measure, GC and gap are larger in the first."""
    signs = [
        (a[name] > b[name], a["gc_train"] > b["gc_train"], a["gap"] > b["gap"])
        for a, b in itertools.combinations(networks, 2)
        if a["gap"] != b["gap"]
    ]
    # The order of a pair means nothing, so each counts in both.
    return signs + [tuple(not sign for sign in each) for each in signs]


def _entropy(pairs: list[tuple], given: tuple[int, ...]) -> float:
    """Return the entropy of the last entry, in bits, given some others."""
    known = Counter(tuple(pair[i] for i in given) for pair in pairs)
    joint = Counter((tuple(pair[i] for i in given), pair[-1]) for pair in pairs)
    return -sum(
        count / len(pairs) * math.log2(count / known[condition])
        for (condition, _), count in joint.items()
    )
