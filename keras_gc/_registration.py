"""Import the whole package once Keras is there, and not before.

Keras finds the classes of a saved model in its registry, so `import keras_gc`
must put them there, whatever a script imports first. But `keras-gc --help`
should not wait for a framework, and nobody can load a model before Keras is
imported. So the package is completed right after whichever import brings
Keras in.
"""

import sys
from importlib.abc import MetaPathFinder


class CompleteAfterKeras(MetaPathFinder):
    """Call a function after the first import that leaves Keras imported.

    It finds no module itself: it passes on what the finders after it find,
    and for `keras` and the modules of this package adds the call at the end.

    Args:
        complete: function without arguments.
    """

    def __init__(self, complete):
        self.complete = complete

    def find_spec(self, name, path, target=None):
        """Return what the other finders return, as `importlib` asks for it."""
        finders = list(sys.meta_path)
        ours = name == "keras" or name.startswith("keras_gc.")
        if not ours or self not in finders:
            return None
        specs = (
            finder.find_spec(name, path, target)
            for finder in finders[finders.index(self) + 1 :]
        )
        spec = next((spec for spec in specs if spec), None)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = self._then_complete(
                spec.loader.exec_module
            )
        return spec

    def _then_complete(self, execute):
        def exec_module(module):
            if self not in sys.meta_path:  # found earlier, executed too late
                return execute(module)
            # The outermost import completes the package: within it, modules
            # of ours are only half executed.
            sys.meta_path.remove(self)
            try:
                execute(module)
            except BaseException:  # it may be imported again
                sys.meta_path.insert(0, self)
                raise
            if "keras" in sys.modules:
                self.complete()
            else:
                sys.meta_path.insert(0, self)

        return exec_module


def when_keras_is_imported(complete):
    """Call `complete` now if Keras is imported, else as soon as it is.

    Args:
        complete: function without arguments.
    """
    if "keras" in sys.modules:
        complete()
    else:
        sys.meta_path.insert(0, CompleteAfterKeras(complete))
