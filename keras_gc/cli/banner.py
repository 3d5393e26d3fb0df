"""Leave out what TensorFlow prints when it is loaded."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

# TensorFlow's log level does not affect lines that are printed before its log
# is set up.
_BANNER = re.compile(
    r"[IW]\d{4} |"
    r"\d{4}-\d\d-\d\d [\d:.]+: [IW] |"
    r"WARNING: All log messages before absl|"
    r"To enable the following instructions|"
    r"E\d{4} .*failed call to cuInit"  # a machine without a GPU
)


@contextlib.contextmanager
def without_banner() -> Iterator[None]:
    """Hold back what is written to stderr, then write it without the banner.

    Libraries write to the process's stderr, not to Python's. Errors and all
    else that is not part of the banner are written at the end.

    Yields:
        None.
    """
    sys.stderr.flush()
    try:
        stderr = os.dup(2)
    except OSError:  # stderr is closed: nothing is shown
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines():
                if not _BANNER.match(line):
                    print(line, file=sys.stderr)
