"""Measurements of what GC costs: time, memory and noise."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def append(rows: Iterable[dict[str, Any]], out: str | Path | None) -> None:
    """Append rows to a file, if one is wanted.

    Args:
        rows: list of dicts of plain JSON values.
        out: path of a JSON lines file, created if it does not exist; None
            writes nothing.
    """
    if out is None:
        return
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    with Path(out).open("a") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)
