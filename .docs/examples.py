"""Keras's dialect of docstring, as griffe reads it.

Keras writes `Example:` and, at the same indentation, `>>>` lines; griffe wants
the content of a section indented.
"""

import re

import griffe

_EXAMPLE = re.compile(
    r"^( *)Example:\n(?=\1>>>)(.*?)(?=\n\s*\n *\w|\Z)", re.MULTILINE | re.DOTALL
)


class Examples(griffe.Extension):
    """Makes each example a fenced block."""

    def on_instance(self, *, obj, **kwargs):
        """Rewrite the docstring of an object once."""
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(_fenced, obj.docstring.value)


def _fenced(found):
    indent, lines = found[1], found[2].rstrip()
    return f"{indent}**Example**\n\n{indent}```pycon\n{lines}\n{indent}```"
