"""Imports point down, frameworks stay in their backend, start-up is light."""

import ast
import configparser
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "keras_gc"
FILES = sorted(PACKAGE.rglob("*.py"))

# Each unit (a module or package below keras_gc; `__init__` is the public
# surface) may import itself and units of lower rank, the later lines.
RANKS = [
    {"cli"},
    {"benchmarks", "plots"},
    {"experiments"},
    {"__init__"},
    {"_public"},
    {"datasets", "callbacks", "models"},
    {"heuristics", "theory"},
    {"measure", "regularizers"},
    {"logits", "batches"},
    {"estimators"},
    {"backend"},
    {"_validation", "_version", "intercept", "serialization"},
]
RANK = {unit: -rank for rank, units in enumerate(RANKS) for unit in units}
FRAMEWORKS = {"tensorflow", "jax", "jaxlib", "torch"}
OPTIONAL = {
    "matplotlib", "pandas", "rich", "scipy", "sklearn", "tensorflow_datasets"
}  # fmt: skip


def imported_names(node, package):
    """Absolute dotted names that an import statement may load."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    parents = package.split(".")
    base = parents[: len(parents) - node.level + 1] if node.level else []
    base = ".".join(base + [node.module] * bool(node.module))
    return [f"{base}.{alias.name}" for alias in node.names]


def unit_of(dotted):
    """The part of keras_gc that `keras_gc.part.more` belongs to."""
    part = dotted.split(".")[1] if "." in dotted else "__init__"
    return part if part in RANK else "__init__"


def runs_at_import(tree):
    """All nodes of a module but those in functions or for type checkers."""
    for node in ast.iter_child_nodes(tree):
        waits = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.If)
            and ast.unparse(node.test) == "TYPE_CHECKING"
        )
        if not waits:
            yield node
            yield from runs_at_import(node)


def violations(path, source):
    """One line for each import in `source`, at `path`, that breaks a rule."""
    parts = path.removesuffix(".py").split("/")
    package = ".".join(parts[:-1])
    unit = unit_of(".".join(parts))
    tree = ast.parse(source)
    at_import = set(runs_at_import(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "keras.src":
            yield f"{path}:{node.lineno}: keras.src is private"
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for name in imported_names(node, package):
            where = f"{path}:{node.lineno}: {name}"
            top = name.split(".")[0]
            if top == "keras_gc":
                imported = unit_of(name)
                if imported != unit and RANK[imported] >= RANK[unit]:
                    yield f"{where} is not below {unit}"
            if top in FRAMEWORKS:
                home = f"keras_gc.backend.{top.removesuffix('lib')}"
                if not f"{package}.".startswith(f"{home}."):
                    yield f"{where} belongs in {home} alone"
            if top in OPTIONAL and node in at_import:
                yield f"{where} must wait inside a function"
            if name.startswith("keras.src"):
                yield f"{where} is private"


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("estimators/hutchinson.py", "from keras_gc import measure"),
        ("estimators/hutchinson.py", "from keras_gc.models import gc_model"),
        ("estimators/hutchinson.py", "from ..models import gc_model"),
        ("estimators/hutchinson.py", "from .. import theory"),
        ("estimators/hutchinson.py", "import keras_gc"),
        ("models/gc_model.py", "from keras_gc import geometric_complexity"),
        ("models/gc_model.py", "import keras_gc.callbacks"),
        ("models/gc_model.py", "def f():\n  import keras_gc.cli"),
        ("_validation.py", "from keras_gc import _version"),
        ("models/gc_model.py", "def f():\n  import tensorflow as tf"),
        ("backend/__init__.py", "import jax"),
        ("backend/jax/differential.py", "from torch import nn"),
        ("plots/curves.py", "import matplotlib.pyplot as plt"),
        ("plots/curves.py", "class A:\n  from rich import table"),
        ("plots/curves.py", "if True:\n  from scipy import stats"),
        ("measure.py", "from keras.src import ops"),
        ("measure.py", "from keras import src"),
        ("measure.py", "def f():\n  return keras.src.ops"),
    ],
)
def test_each_forbidden_import_is_seen(path, source):
    assert len(list(violations(f"keras_gc/{path}", source))) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("__init__.py", "from keras_gc.models import GCModel"),
        ("cli/demo.py", "import keras_gc"),
        ("estimators/hutchinson.py", "from keras_gc import backend"),
        ("estimators/hutchinson.py", "from .estimator import Estimator"),
        ("estimators/hutchinson.py", "from .. import _validation"),
        ("backend/__init__.py", "from keras_gc.backend import jax"),
        ("backend/jax/differential.py", "import jax.numpy as jnp"),
        ("plots/curves.py", "def f():\n  import matplotlib.pyplot as plt"),
        ("plots/curves.py", "if TYPE_CHECKING:\n  import matplotlib"),
        ("measure.py", "from keras import ops"),
    ],
)
def test_each_allowed_import_passes(path, source):
    assert list(violations(f"keras_gc/{path}", source)) == []


def test_every_part_of_the_package_has_a_rank():
    parts = {path.relative_to(PACKAGE).parts[0] for path in FILES}
    assert {part.removesuffix(".py") for part in parts} == set(RANK)


def test_every_folder_is_a_package():
    # setuptools leaves a folder without __init__.py out of the wheel.
    folders = {path.parent for path in FILES}
    assert [f for f in folders if not (f / "__init__.py").exists()] == []


def test_imports_point_down_and_frameworks_stay_in_their_backend():
    found = [
        violation
        for path in FILES
        for violation in violations(
            path.relative_to(ROOT).as_posix(), path.read_text()
        )
    ]
    assert found == []


def test_what_is_imported_is_what_setup_cfg_asks_for():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    asked = set(
        re.findall(r"^[\w-]+", setup["options"]["install_requires"], re.M)
    )
    imported = {
        name.split(".")[0]
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in imported_names(node, "keras_gc")
    }
    imported -= {"keras_gc", "jax", "torch", *sys.stdlib_module_names}
    names = {
        "sklearn": "scikit-learn",
        "tensorflow_datasets": "tensorflow-datasets",
    }
    imported = {names.get(name, name) for name in imported}
    # setup.cfg says why importlib_resources is there.
    assert imported == asked - {"importlib_resources"}


def run(*arguments):
    """Run a fresh interpreter on the checkout, with this run's backend."""
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"KERAS_BACKEND": keras.config.backend()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result


def test_public_names_load_nothing_heavy_that_keras_does_not():
    code = (
        "import json, sys, keras\n"
        "before = set(sys.modules)\n"
        "from keras_gc import *\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))\n"
    )
    added = json.loads(run("-c", code).stdout.splitlines()[-1])
    assert "keras_gc.measure" in added
    assert (FRAMEWORKS | OPTIONAL).intersection(added) == set()


def test_help_answers_at_once_and_without_keras():
    before = os.times()
    result = run("-X", "importtime", "-m", "keras_gc.cli", "--help")
    after = os.times()
    imported = {
        line.split("|")[-1].strip() for line in result.stderr.splitlines()
    }
    assert "usage: keras-gc" in result.stdout
    assert "keras_gc.cli" in imported
    assert "keras" not in imported
    # Of the processor, not of the clock: a busy machine must not fail this.
    used = (
        after.children_user
        + after.children_system
        - before.children_user
        - before.children_system
    )
    assert used < 2  # seconds
