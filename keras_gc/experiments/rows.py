"""Reading quantities out of the rows of a results file."""

from typing import Any


def value(row: dict, name: str) -> Any:
    """Return a quantity of a run, set or measured.

    Args:
        row: dict, the run.
        name: str, name of the quantity.

    Returns:
        Its value, `None` where the run has none.
    """
    if name in row["setting"]:
        return row["setting"][name]
    return row["result"].get(name)


def by_setting(rows: list[dict]) -> list[tuple[dict, list[dict]]]:
    """Group runs by their setting.

    Args:
        rows: list of dicts, the runs.

    Returns:
        Pairs of a setting and its runs, in the order of the rows.
    """
    groups: list[tuple[dict, list[dict]]] = []
    for row in rows:
        if not groups or groups[-1][0] != row["setting"]:
            groups.append((row["setting"], []))
        groups[-1][1].append(row)
    return groups


def mean(rows: list[dict], name: str) -> float | None:
    """Return the mean of a quantity over runs.

    Args:
        rows: list of dicts, the runs.
        name: str, name of the quantity.

    Returns:
        The mean over the runs that have a finite value; `None` if none has.
    """
    values = [value(row, name) for row in rows]
    values = [number for number in values if number is not None]
    return sum(values) / len(values) if values else None
