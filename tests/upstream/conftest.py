"""Run Keras's own tests on our classes, as the tables in this folder say.

A table is a test file to pytest: `pytest tests/upstream/inert.toml` runs one.

    compile   what `GCModel.compile` takes where a test gives nothing
    files     Keras's test files, below keras/src, for each backend
    except    tests that fail (`raises`), need what may not be installed
              (`needs`), or take too long (neither), and why

A failure in the table is strict: passing is an error, so is another exception,
and so is a name or pattern that fits no test.
"""

import builtins
import fnmatch
import importlib.util
import tomllib
import unittest
import warnings

import keras
import pytest

from keras_gc.models.gc_trainer import GCTrainer
from tests.upstream import substitute


def pytest_configure(config):
    # Its backends without training are not ours, so it skips nothing here.
    config.addinivalue_line(
        "markers", "requires_trainable_backend: a marker of Keras's own tests"
    )


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".toml":
        return Table.from_parent(parent, path=file_path)
    return None


class Table(pytest.File):
    """A `.toml` file of this folder."""

    def collect(self):
        self.content = tomllib.loads(self.path.read_text())
        for name in self.content["files"][keras.config.backend()]:
            yield KerasTests.from_parent(
                self,
                name=name,
                path=self.path,
                nodeid=f"{self.nodeid}::{name}",
            )

    def exceptions(self, name):
        """Return the groups of `except` for a file, on this backend."""
        return [
            group
            for group in self.content["except"]
            if group["file"] == name
            and keras.config.backend()
            in group.get("backends", self.content["files"])
        ]


class KerasTests(pytest.Module):
    """A test file of the installed Keras, with our classes."""

    def collect(self):
        path = substitute.FOLDER / self.name
        if not path.exists():
            skip(f"Keras {keras.__version__} comes without {self.name}")
        try:
            with warnings.catch_warnings(action="ignore"):
                self.obj = substitute.load(path, prefix=self.parent.path.stem)
        except ModuleNotFoundError as error:
            skip(f"{self.name} needs {error.name}, which is not installed")
        tests = methods(self.obj)
        for group in self.parent.exceptions(self.name):
            for pattern in group["tests"]:
                found = fnmatch.filter(tests, pattern)
                if not found:
                    raise self.CollectError(f"no test of that name: {pattern}")
                for test in found:
                    mark_of(group)(tests[test])
        self.add_marker(pytest.mark.filterwarnings("ignore"))
        return super().collect()


def methods(module):
    """Return the test methods of a module by `Class.method`."""
    return {
        f"{cls.__name__}.{name}": getattr(cls, name)
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, unittest.TestCase)
        for name in unittest.defaultTestLoader.getTestCaseNames(cls)
    }


def skip(reason):
    pytest.skip(reason, allow_module_level=True)


def mark_of(group):
    """Return the marker for the tests of a group."""
    if "raises" in group:
        return pytest.mark.xfail(
            raises=getattr(builtins, group["raises"]),
            reason=group["reason"],
            strict=True,
        )
    if "needs" in group:
        return pytest.mark.skipif(
            importlib.util.find_spec(group["needs"]) is None,
            reason=f"needs {group['needs']}, which is not installed",
        )
    return pytest.mark.skip(reason=group["reason"])


@pytest.fixture(autouse=True)
def defaults_of_the_table(request, monkeypatch):
    table = request.node.getparent(Table).content
    for name, value in table["compile"].items():
        monkeypatch.setitem(GCTrainer.compile.__kwdefaults__, name, value)
    yield
    # Keras's TestCase turns it off, and leaves it so.
    keras.config.enable_traceback_filtering()
