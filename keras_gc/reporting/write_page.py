"""A page on disk, whole or not at all."""

import os
from pathlib import Path


def write_page(path: str | os.PathLike, html: str) -> None:
    """Write a page, and the folder for it where there is none.

    Args:
        path: where.
        html: str, the page.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(html, encoding="utf-8")
    partial.replace(path)
