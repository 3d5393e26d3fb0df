import keras
import numpy as np
import pytest

from keras_gc import experiments, geometric_complexity
from keras_gc.experiments.claims.robust_measure import errors, marginals


def test_marginals_of_a_linear_map_are_its_rows_and_columns():
    model = keras.Sequential([
        keras.Input((3,)),
        keras.layers.Dense(2, use_bias=False),
    ])
    kernel = np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 1.0]])
    model.set_weights([kernel])
    x = np.ones((5, 3), "float32")
    examples, outputs, inputs = marginals(model, x)
    assert examples == pytest.approx([16] * 5)
    assert outputs == pytest.approx([50, 30])
    assert inputs == pytest.approx([25, 5, 50])
    gc = float(geometric_complexity(model, x))
    assert outputs.sum() / 5 == pytest.approx(gc)


def test_the_error_of_half_a_sum_is_that_of_sampling_without_replacement():
    values = np.random.default_rng(0).gamma(2.0, size=100)
    found = errors(values, 0.5, 4000, seed=1)
    exact = values.std(ddof=1) / np.sqrt(50) * np.sqrt(0.5) / values.mean()
    # 4,000 draws: four standard errors of a root mean square are 4.5%.
    assert found["relative_error"] == pytest.approx(exact, rel=0.045)
    assert found["told_error"] == pytest.approx(exact, rel=0.02)


def test_all_of_it_has_no_error():
    assert errors(np.arange(1.0, 9.0), 1.0, 3, 0) == {
        "relative_error": pytest.approx(0, abs=1e-12),
        "told_error": 0,
    }


@pytest.mark.parametrize(
    "error, outcome", [(0.09, "reproduced"), (0.11, "not reproduced")]
)
def test_the_worst_run_at_the_share_decides(error, outcome):
    rows = [
        {
            "setting": {"series": "outputs", "share": share},
            "seed": 0,
            "result": {"relative_error": size},
        }
        for share, size in ((0.1, 0.9), (0.3, error), (0.6, 0.01))
    ]
    (finding,) = experiments.get("robust_measure").judge(rows)
    assert finding.outcome == outcome
