"""Public functions and methods say the types of what they take and return."""

import importlib
import inspect
import pkgutil

import pytest

# It grows: a package whose public names are annotated stays so. Add yours;
# with `.*`, the modules inside it count too.
ANNOTATED = [
    "backend.scope",
    "batches",
    "benchmarks.*",
    "callbacks.*",
    "cli.*",
    "datasets.*",
    "estimators.*",
    "heuristics.*",
    "input_tensors",
    "intercept",
    "keras_seam",
    "logits.*",
    "measure",
    "meter",
    "models.*",
    "regularizers.*",
    "reporting",
    "serialization",
    "theory.*",
]


def modules(name):
    """Yield the module of a name in `ANNOTATED`, and those inside it."""
    module = importlib.import_module(f"keras_gc.{name.removesuffix('.*')}")
    yield module
    if name.endswith(".*"):
        for found in pkgutil.iter_modules(module.__path__):
            if found.name != "__main__":  # it would run
                yield importlib.import_module(f"{module.__name__}.{found.name}")


def public_functions(module):
    """Yield name and function of a module's public functions and methods."""
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            for method, function in vars(value).items():
                if isinstance(function, staticmethod | classmethod):
                    function = function.__func__
                if isinstance(function, property):
                    function = function.fget
                if not method.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{method}", function


def lacking(function):
    """Return the parameters of a function that have no type."""
    # Of its code: a signature that shows Keras's arguments too is no matter.
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    names = {*code.co_varnames[:count], "return"} - {"self", "cls"}
    return sorted(names - set(function.__annotations__))


@pytest.mark.parametrize("package", ANNOTATED)
def test_public_names_are_annotated(package):
    functions = {
        f"{function.__module__}.{name}": function
        for module in modules(package)
        for name, function in public_functions(module)
        if function.__module__.startswith("keras_gc.")
    }
    assert functions
    assert {
        name: lacking(function)
        for name, function in functions.items()
        if lacking(function)
    } == {}


def test_a_missing_annotation_is_seen():
    def function(self, x, y: int) -> int: ...

    def method(self, x: int): ...

    assert lacking(function) == ["x"]
    assert lacking(method) == ["return"]
