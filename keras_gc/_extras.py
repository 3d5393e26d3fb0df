"""Optional packages: what is missing is told in one sentence."""

import contextlib
from collections.abc import Iterator

# By the name that is imported: the extra of setup.cfg that installs it.
EXTRAS = {
    "tensorflow": "tensorflow",
    "filelock": "lab",
    "importlib_resources": "lab",
    "matplotlib": "lab",
    "pandas": "lab",
    "rich": "lab",
    "scipy": "lab",
    "sklearn": "lab",
    "tensorflow_datasets": "lab",
}


@contextlib.contextmanager
def named() -> Iterator[None]:
    """In the block, or the decorated function, an import may be missing.

    Raises:
        ModuleNotFoundError: naming the extra that installs the package.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise ModuleNotFoundError(
            f"This needs the package {package}, which is not installed: "
            f'`pip install "keras-gc[{EXTRAS[package]}]"` installs it.',
            name=error.name,
        ) from error
