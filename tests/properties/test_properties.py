"""A hundred cases; `python -m tests.properties` makes thousands."""

import hypothesis
import pytest

from tests.properties.cases import LAWS, cases, check

CASES = 12  # for each law


@pytest.mark.parametrize("law", sorted(LAWS))
def test_laws_hold_on_random_graphs(law):
    @hypothesis.settings(
        max_examples=CASES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(cases(law))
    def run(case):
        check(case)

    run()
