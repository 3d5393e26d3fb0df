"""What the README shows is what the result files say."""

from pathlib import Path

from keras_gc.experiments.summary import summary

ROOT = Path(__file__).parents[1]


def test_the_table_of_the_paper_is_that_of_the_result_files():
    """After new results: `keras-gc summary notebooks/results`."""
    table = summary(ROOT / "notebooks" / "results")
    assert table in (ROOT / "README.md").read_text("utf-8")
