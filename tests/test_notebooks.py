"""The notebooks run from top to bottom."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow
NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
# Shorter runs: what is replaced must be there, or this table is out of date.
SHORTER = {
    "quickstart": {"EPOCHS = 20": "EPOCHS = 4"},
    "the_many_regularizers": {"EPOCHS = 15": "EPOCHS = 8"},
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    source = nbformat.writes(notebook)
    for long, short in SHORTER.get(path.stem, {}).items():
        assert long in source, f"{path.name} no longer says {long!r}"
        source = source.replace(long, short)
    notebook = nbformat.reads(source, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=300, resources=resources).execute()


def test_notebooks_are_stored_without_results():
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        assert not any(c.get("outputs") for c in cells), path
