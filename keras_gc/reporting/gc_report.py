"""The result of `keras_gc.report`: facts, and ways to look at them."""

import os
from typing import TYPE_CHECKING

from keras_gc.reporting.facts import Facts, Mean
from keras_gc.reporting.write_page import write_page

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


class GCReport:
    """What `keras_gc.report` found.

    It shows itself in a notebook; `print` gives a few lines.

    Args:
        facts: a `keras_gc.reporting.facts.Facts`, which holds each number.
    """

    def __init__(self, facts: Facts):
        self.facts = facts

    @property
    def gc(self) -> Mean:
        """The geometric complexity, with `value` and `standard_error`."""
        return self.facts.gc

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before believing the numbers, in words."""
        return self.facts.warnings

    def to_pandas(self, table: str = "summary") -> "pandas.DataFrame":
        """Return a part of the report as a DataFrame.

        Args:
            table: `"summary"` (one row), `"examples"` (one row for each
                example measured), `"groups"` (by class, by right and wrong
                predictions or by error), `"layers"` or `"inputs"` (one row
                for each entry). Defaults to `"summary"`.

        Returns:
            A `pandas.DataFrame`.
        """
        from keras_gc.reporting import tables

        return tables.to_pandas(self.facts, table)

    def plot(self) -> "Figure":
        """Draw distribution, groups, layers and inputs.

        Returns:
            A `matplotlib.figure.Figure`.
        """
        from keras_gc.reporting import figures

        return figures.overview(self.facts)

    def to_html(self) -> str:
        """Return the page: self-contained, for light and dark screens."""
        from keras_gc.reporting import elements, page

        body = page.report_body(self.facts)
        return elements.whole(body, self.facts.model_name)

    def save(self, path: str | os.PathLike) -> None:
        """Write the page to a file.

        Args:
            path: where, such as `"report.html"`.
        """
        write_page(path, self.to_html())

    def _repr_html_(self) -> str:
        from keras_gc.reporting import elements

        return elements.embedded(self.to_html())

    def __str__(self) -> str:
        from keras_gc.reporting import text

        return text.summary(self.facts)

    def __repr__(self) -> str:
        return f"<GCReport of '{self.facts.model_name}': GC = {self.gc}>"
