"""Some hundred cases; `python -m tests.properties` makes thousands."""

import hypothesis
import pytest

from tests.properties.cases import LAWS, cases, check

CASES = 15  # for each law
# Hundreds of draws for each case take too long here.
BY_COMMAND_ALONE = {"expectation"}


@pytest.mark.parametrize("law", sorted(LAWS.keys() - BY_COMMAND_ALONE))
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
