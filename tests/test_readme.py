"""README holds what it says: its blocks run, its tables are the results'."""

import configparser
import json
import re
import shlex
import statistics

import pytest

from keras_gc import cli
from tests import pages, tables

ALONE = [b for b in pages.blocks(pages.README, "python") if b.is_alone]
# Other commands take minutes: of them the words are checked.
QUICK = {"list", "measure", "report"}


@pytest.mark.slow
def test_blocks_run_in_order_and_then_the_commands(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    pages.run_in_order(pages.README)
    ran = set()
    for arguments in commands(pages.README):
        if arguments[0] in QUICK:
            assert cli.main(arguments) == 0, capsys.readouterr().err
            ran.add(arguments[0])
    assert ran == QUICK
    assert (tmp_path / "report-of-model.html").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("block", ALONE, ids=str)
def test_programs_run(block, tmp_path):
    if not block.runs_here:
        pytest.skip(f"on {block.backend}")
    assert not pages.run_alone(block, tmp_path)


@pytest.mark.parametrize("page", [pages.README, *pages.DOCS], ids=str)
def test_commands_are_commands(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments in commands(page):
        for name in arguments:  # files that a command wants to see
            if name.endswith(".keras"):
                (tmp_path / name).touch()
        cli._parser().parse_args(arguments)


def test_extras_are_those_of_the_package():
    setup = configparser.ConfigParser()
    setup.read(pages.ROOT / "setup.cfg")
    extras = set(setup["options.extras_require"])
    text = pages.README.read_text("utf-8")
    named = re.findall(r"keras-gc\[([\w,]+)\]", text)
    assert {name for names in named for name in names.split(",")} <= extras
    rows = re.search(r"\| extra \|.*?\n\n", text, re.DOTALL)[0]
    assert set(re.findall(r"`(\w+)`", rows)) == extras


def test_tables_are_those_of_the_result_files():
    """After new results: `python -m tests.pages`."""
    shown = pages.tables_of(pages.README)
    assert set(shown) == {"costs", "claims"}
    for name, table in shown.items():
        assert table == tables.TABLES[name]()


def test_the_first_sentence_is_that_of_the_result_files():
    text = pages.README.read_text("utf-8").replace("\n", " ")
    before, after = (_medians(weight) for weight in (0.0, 1e-3))
    assert f"falls from {before['gc']:.0f} to {after['gc']:.0f}," in text
    assert (
        f"rises from {before['test_accuracy']:.3f} to "
        f"{after['test_accuracy']:.3f}," in text
    )
    cost = re.search(r"one probe per example \| ([\d.]+)", tables.costs())[1]
    assert f"at {float(cost):.1f} times the cost" in text


def test_links_lead_to_files():
    text = pages.README.read_text("utf-8")
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text)
    local = [link for link in links if "://" not in link]
    assert len(local) > 10
    for link in local:
        assert (pages.ROOT / link).exists(), link


def commands(page):
    """Return the arguments of each `keras-gc` line of a page."""
    lines = [
        line
        for block in pages.blocks(page, "bash")
        for line in block.source.splitlines()
    ]
    return [
        shlex.split(line, comments=True)[1:]
        for line in lines
        if line.startswith("keras-gc ")
    ]


def _medians(weight):
    path = tables.RESULTS / "mnist" / "explicit" / "rows.jsonl"
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    runs = [r["result"] for r in rows if r["setting"]["gc_weight"] == weight]
    return {
        name: statistics.median(run[name] for run in runs)
        for name in ("gc", "test_accuracy")
    }
