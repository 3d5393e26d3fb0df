"""The result of `keras_gc.compare`: reports side by side."""

import math
import os
from typing import TYPE_CHECKING

from keras_gc.reporting.facts import Facts
from keras_gc.reporting.gc_report import GCReport
from keras_gc.reporting.write_page import write_page

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


class Comparison:
    """What `keras_gc.compare` found.

    Args:
        facts: dict from a model's name to its `Facts`.
    """

    def __init__(self, facts: dict[str, Facts]):
        self.facts = facts

    def __getitem__(self, name: str) -> GCReport:
        """Return the report of one model."""
        return GCReport(self.facts[name])

    def ranking(self) -> list[str]:
        """Order the models by embedding GC.

        Embedding GC is that of the last layer's inputs; models without one
        are ordered by GC, as are all if one of them has none. The lower one
        comes first, which is the better one to transfer from in the
        reference.

        Returns:
            List of names.

        Reference: Munn et al. 2024 (arXiv 2405.15706).
        """

        def key(name):
            value = self._ranked_by(self.facts[name]).value
            return math.inf if math.isnan(value) else value

        return sorted(self.facts, key=key)

    @property
    def ranked_by(self) -> str:
        """What `ranking` goes by: "embedding GC" or "GC"."""
        known = [f.embedding_gc is not None for f in self.facts.values()]
        return "embedding GC" if all(known) else "GC"

    def _ranked_by(self, facts):
        is_embedding = self.ranked_by == "embedding GC"
        return facts.embedding_gc if is_embedding else facts.gc

    def to_pandas(self) -> "pandas.DataFrame":
        """Return one row for each model, by name.

        Returns:
            A `pandas.DataFrame`.
        """
        import pandas

        from keras_gc.reporting.tables import summary_row

        places = {name: n for n, name in enumerate(self.ranking(), start=1)}
        rows = [
            summary_row(facts) | {"rank": places[name]}
            for name, facts in self.facts.items()
        ]
        return pandas.DataFrame(rows, index=list(self.facts))

    def plot(self) -> "Figure":
        """Draw the GC of each model with its standard error.

        Returns:
            A `matplotlib.figure.Figure`.
        """
        from keras_gc.reporting import figures

        return figures.comparison(self.facts)

    def to_html(self) -> str:
        """Return the page: self-contained, for light and dark screens."""
        from keras_gc.reporting import comparison_page, elements

        body = comparison_page.comparison_body(self)
        return elements.whole(body, "Comparison")

    def save(self, path: str | os.PathLike) -> None:
        """Write the page to a file.

        Args:
            path: where, such as `"compare.html"`.
        """
        write_page(path, self.to_html())

    def _repr_html_(self) -> str:
        from keras_gc.reporting import elements

        return elements.embedded(self.to_html())

    def __str__(self) -> str:
        from keras_gc.reporting import text

        return text.comparison(self)
