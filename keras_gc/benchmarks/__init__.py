"""What things cost, measured; results are data."""

import json
from pathlib import Path


def append(rows, out):
    """Append rows to a file, if one is wanted.

    Args:
        rows: list of dicts of plain JSON values.
        out: path of a JSON lines file, made if it is not there; or None.
    """
    if out is None:
        return
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    with Path(out).open("a") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)
