"""Imports point down, frameworks stay in their backend, start-up is light."""

import ast
import configparser
import importlib.util
import json
import os
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import keras_gc
from keras_gc import _extras, _registration

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
    {"reporting"},
    {"datasets", "callbacks", "models"},
    {"heuristics", "theory"},
    {"measure", "regularizers"},
    {"meter"},
    {"logits", "batches"},
    {"input_tensors"},
    {"estimators"},
    {"backend"},
    {"intercept", "serialization"},
    {"_extras", "_registration", "_validation", "_version", "keras_seam"},
]
RANK = {unit: -rank for rank, units in enumerate(RANKS) for unit in units}
FRAMEWORKS = {"tensorflow", "jax", "jaxlib", "torch"}
# What people write without us, to be timed beside ours.
BY_HAND = "keras_gc/benchmarks/by_hand.py"
OPTIONAL = set(_extras.EXTRAS) - FRAMEWORKS


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
            by_hand = path == BY_HAND and node not in at_import
            if top in FRAMEWORKS and not by_hand:
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


def asked_for():
    """The packages of each extra in setup.cfg, the core's under ""."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    sections = {
        "": setup["options"]["install_requires"],
        **setup["options.extras_require"],
    }
    return {
        extra: set(re.findall(r"^[\w-]+", lines, re.M))
        for extra, lines in sections.items()
    }


def package_of(module):
    """Return the name under which a module's package is installed."""
    return {"sklearn": "scikit-learn"}.get(module, module.replace("_", "-"))


def test_what_is_imported_is_what_setup_cfg_asks_for():
    imported = {
        name.split(".")[0]
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in imported_names(node, "keras_gc")
    }
    imported -= {"keras_gc", *FRAMEWORKS, *sys.stdlib_module_names}
    asked = asked_for()
    assert asked[""] == {"keras", "numpy"}
    # setup.cfg says why importlib_resources is there.
    assert set(map(package_of, imported)) == (
        asked[""] | asked["lab"] - {"importlib_resources"}
    )
    assert all(asked[name] >= {name} for name in FRAMEWORKS - {"jaxlib"})


def test_each_optional_package_names_the_extra_that_holds_it():
    asked = asked_for()
    for module, extra in _extras.EXTRAS.items():
        assert package_of(module) in {
            name.replace("_", "-") for name in asked[extra]
        }
    named = {package_of(module) for module in _extras.EXTRAS}
    assert named >= {name.replace("_", "-") for name in asked["lab"]}


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


def test_help_answers_at_once():
    before = os.times()
    assert "usage: keras-gc" in run("-m", "keras_gc.cli", "--help").stdout
    after = os.times()
    # Of the processor, not of the clock: a busy machine must not fail this.
    used = (
        after.children_user
        + after.children_system
        - before.children_user
        - before.children_system
    )
    assert used < 2  # seconds


@pytest.mark.parametrize(
    "words", [["--help"], ["measure", "--help"], ["list"], ["mesure"]]
)
def test_what_needs_no_keras_imports_none(words):
    code = (
        "import sys\n"
        "from keras_gc.cli import main\n"
        "try:\n"
        f"    main({words})\n"
        "except SystemExit:\n"
        "    pass\n"
        "print(sorted(sys.modules))\n"
    )
    imported = set(ast.literal_eval(run("-c", code).stdout.splitlines()[-1]))
    assert "keras_gc.cli" in imported
    assert imported.isdisjoint(FRAMEWORKS | {"keras"})


# Whatever is imported first, `keras.saving.load_model` knows our classes.
@pytest.mark.parametrize(
    "first",
    [
        "import keras_gc, keras",
        "from keras_gc.measure import GCEstimate; import keras",
        "from keras_gc import estimators; import keras",
    ],
)
def test_keras_knows_all_classes_after_any_order_of_imports(first):
    code = f"{first}; print(sorted(keras.saving.get_custom_objects()))"
    known = ast.literal_eval(run("-c", code).stdout.splitlines()[-1])
    expected = {
        "GCModel", "GCFunctional", "GCSequential", "GCWrapper", "Hutchinson",
        "SampledOutputs", "SpectralNorm", "SAM", "InputNoise",
    }  # fmt: skip
    assert {f"keras_gc>{name}" for name in expected} <= set(known)


@pytest.fixture
def keras_to_come(tmp_path, monkeypatch):
    """A `keras` that is not imported yet, and a finder that waits for it."""
    (tmp_path / "keras.py").write_text(
        "import pathlib\n"
        "if pathlib.Path(__file__).with_name('broken').exists():\n"
        "    raise ImportError('no backend')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    calls = []
    _registration.when_keras_is_imported(lambda: calls.append(len(calls)))
    assert calls == []
    yield calls
    sys.modules.pop("keras")  # the stub; monkeypatch puts back the real one


def test_the_package_is_completed_once_by_the_import_of_keras(keras_to_come):
    importlib.import_module("keras")
    assert keras_to_come == [0]
    importlib.reload(sys.modules["keras"])
    assert keras_to_come == [0]


def test_looking_for_keras_completes_nothing(keras_to_come):
    assert importlib.util.find_spec("keras") is not None
    assert keras_to_come == []
    importlib.import_module("keras")
    assert keras_to_come == [0]


def test_a_failed_import_of_keras_may_be_repeated(keras_to_come, tmp_path):
    (tmp_path / "broken").touch()
    with pytest.raises(ImportError, match="no backend"):
        importlib.import_module("keras")
    assert keras_to_come == []
    (tmp_path / "broken").unlink()
    importlib.import_module("keras")
    assert keras_to_come == [0]


def test_two_finders_pass_the_import_on(keras_to_come):
    others = []
    _registration.when_keras_is_imported(lambda: others.append(None))
    importlib.import_module("keras")
    assert (keras_to_come, others) == ([0], [None])


def test_where_keras_is_imported_the_package_is_complete_at_once():
    calls = []
    _registration.when_keras_is_imported(lambda: calls.append(None))
    assert calls == [None]


def test_dir_shows_the_public_names_and_nothing_else():
    assert dir(keras_gc) == sorted(keras_gc.__all__)
    for name in keras_gc.__all__:
        assert getattr(keras_gc, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        keras_gc.nonsense  # noqa: B018


def test_help_shows_the_public_names_and_nothing_else():
    text = pydoc.render_doc(keras_gc, renderer=pydoc.plaintext)
    sections = re.split(r"^([A-Z][A-Z ]*)$", text, flags=re.M)
    sections = dict(zip(sections[1::2], sections[2::2], strict=True))
    del sections["PACKAGE CONTENTS"]  # Python's own list of the files
    functions = re.findall(r"^    (\w+)\(", sections["FUNCTIONS"], re.M)
    assert functions == [
        "compare", "geometric_complexity", "jacobian_norms", "report"
    ]  # fmt: skip
    classes = set(re.findall(r"^    class (\w+)", sections["CLASSES"], re.M))
    assert classes == {"GCEstimate", "GCModel", "GCSequential"}
    assert "DATA" not in sections
