"""The documentation holds what it says: pages run, tables, names, sentences."""

import ast
import importlib
import re
from pathlib import Path

import nbformat
import pytest

import keras_gc
from tests import pages, tables

PROGRAMS = [
    block
    for page in pages.DOCS
    for block in pages.blocks(page, "python")
    if block.is_alone
]
IN_ORDER = [
    page
    for page in pages.DOCS
    if any(not b.is_alone for b in pages.blocks(page, "python"))
]
# Where a model is found to be one that cannot be measured.
OBSTACLES = (
    "backend/errors.py",
    "logits/captures.py",
    "logits/evaluation_point.py",
    "logits/facts.py",
    "logits/probabilities.py",
    "logits/trusted_derivatives.py",
)


@pytest.mark.slow
@pytest.mark.parametrize("page", IN_ORDER, ids=lambda page: page.stem)
def test_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pages.run_in_order(page)


@pytest.mark.slow
@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_program_runs(block, tmp_path):
    if not block.runs_here:
        pytest.skip(f"on {block.backend}")
    assert not pages.run_alone(block, tmp_path)


def test_each_backend_has_its_examples():
    for name in ("loops.md", "distribution.md"):
        found = pages.blocks(pages.DOCS[0].with_name(name), "python")
        backends = {b.backend for b in found} - {None}  # of all backends
        assert backends == {"tensorflow", "jax", "torch"}


def test_tables_are_those_of_the_result_files():
    """After new results: `python -m tests.pages`."""
    shown = set()
    for page in pages.DOCS:
        for name, table in pages.tables_of(page).items():
            assert table == tables.TABLES[name](), (page, name)
            shown.add(name)
    assert shown == set(tables.TABLES)


def test_the_api_page_has_every_public_name():
    text = pages.DOCS[0].with_name("api.md").read_text("utf-8")
    listed = [path.rpartition(".") for path in re.findall(r"::: (\S+)", text)]
    for module, _, name in listed:
        assert hasattr(importlib.import_module(module), name), name
    names = {name for _, _, name in listed}
    for name in set(keras_gc.__all__) - {"__version__"}:
        value = getattr(keras_gc, name)
        if hasattr(value, "__path__"):  # a package: its own public names
            public = {f"keras_gc.{name}.{own}" for own in _imported(value)}
            assert public <= {f"{m}.{n}" for m, _, n in listed}
        else:
            assert name in names


def test_what_the_library_says_is_listed_with_its_cure():
    page = pages.DOCS[0].with_name("cannot_measure.md").read_text("utf-8")
    rows = "\n".join(re.findall(r"^\| \*.*", page, re.MULTILINE))
    quotes = re.findall(r"\*([^*|]+)\*", rows)
    said = [text for file in OBSTACLES for text in _strings(file, raised=True)]
    assert len(said) > 10
    for message in said:
        assert any(quote in message for quote in quotes), message

    package = pages.ROOT / "keras_gc"
    everything = [t for f in package.rglob("*.py") for t in _strings(f)]
    for quote in quotes:
        assert any(quote in text for text in everything), quote


def test_notebooks_open_and_install_in_a_hosted_notebook():
    for name in ("quickstart", "the_many_regularizers"):
        path = pages.ROOT / "notebooks" / f"{name}.ipynb"
        first, second = nbformat.read(path, as_version=4).cells[:2]
        assert f"/blob/main/notebooks/{path.name})" in first.source
        assert 'find_spec("keras_gc") is None' in second.source
        assert "%pip install" in second.source


def _imported(package):
    tree = ast.parse(Path(package.__file__).read_text("utf-8"))
    return [
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]


def _strings(file, raised=False):
    """Return the strings of a file, or those that its exceptions say."""
    text = (pages.ROOT / "keras_gc" / file).read_text("utf-8")
    for node in ast.walk(ast.parse(text)):
        if raised and isinstance(node, ast.Call):
            if ast.unparse(node.func) in {"ValueError", "TypeError"}:
                yield from filter(None, map(_constant, node.args[:1]))
        elif not raised:
            yield _constant(node)


def _constant(node):
    if isinstance(node, ast.JoinedStr):
        return "".join(_constant(value) for value in node.values)
    value = node.value if isinstance(node, ast.Constant) else ""
    return value if isinstance(value, str) else ""
