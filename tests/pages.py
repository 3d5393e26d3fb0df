"""Pages of Markdown: their blocks of code run, their tables are generated.

A comment before a block says what it needs:

    <!-- backend: jax -->           on this backend only
    <!-- alone -->                  a program of its own, in its own process
    <!-- alone, backend: torch -->  both

All other Python blocks of a page run in order, as one program.

`python -m tests.pages` writes all tables anew from the result files.
"""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

from tests import tables

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "notebooks" / "docs").glob("*.md"))
_FENCE = re.compile(
    r"(?:<!-- (?P<needs>(?:alone|backend)[^\n]*) -->\n)?"
    r"^```(?P<language>\w+)\n(?P<source>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_TABLE = re.compile(
    r"(<!-- table: (\w+) -->\n\n)(.*?)(?=\n\n|\n*\Z)", re.DOTALL
)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block, and what it needs."""

    page: Path
    line: int
    language: str
    source: str
    needs: str

    @property
    def is_alone(self) -> bool:
        return "alone" in self.needs

    @property
    def backend(self) -> str | None:
        found = re.search(r"backend: (\w+)", self.needs)
        return found and found[1]

    @property
    def runs_here(self) -> bool:
        return self.backend in {None, os.environ["KERAS_BACKEND"]}

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page, language):
    """Return the blocks of a page that are in a language."""
    text = page.read_text("utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, found.start("source")) + 1,
            found["language"],
            found["source"],
            found["needs"] or "",
        )
        for found in _FENCE.finditer(text)
        if found["language"] == language
    ]


def run_in_order(page):
    """Run the page's program, as somebody who pastes each block."""
    namespace = {"__name__": "__main__"}
    for block in blocks(page, "python"):
        if block.runs_here and not block.is_alone:
            # Lines as in the page, so that a traceback shows where.
            source = "\n" * (block.line - 1) + block.source
            exec(compile(source, str(block.page), "exec"), namespace)


def run_alone(block, folder):
    """Run a block in a process of its own; return what went wrong."""
    done = subprocess.run(
        [sys.executable, "-c", block.source],
        cwd=folder,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stderr if done.returncode else ""


def tables_of(page):
    """Return the names of the page's tables, each with what it shows."""
    text = page.read_text("utf-8")
    return {name: shown for _, name, shown in _TABLE.findall(text)}


def write_tables():
    """Write all tables anew from the result files."""
    for page in (README, *DOCS):
        text = page.read_text("utf-8")
        page.write_text(
            _TABLE.sub(lambda m: m[1] + tables.TABLES[m[2]](), text), "utf-8"
        )


if __name__ == "__main__":
    write_tables()
