import numpy as np
import pytest

from keras_gc.experiments.predictors import predictor_table, predictors
from keras_gc.experiments.store import Store


def folder(path, results):
    store = Store(path)
    settings = [{"width": place} for place in range(len(results))]
    store.create({"settings": settings, "seeds": [0]})
    for setting, result in zip(settings, results, strict=True):
        store.append({"setting": setting, "seed": 0, "result": result})


def networks(num=200, **measures):
    rng = np.random.default_rng(0)
    gaps = rng.uniform(size=num)
    return [
        {
            "train_accuracy": float(gap),
            "test_accuracy": 0.0,
            **{name: float(f(gap, rng)) for name, f in measures.items()},
        }
        for gap in gaps
    ]


def scores(path):
    return {entry["measure"]: entry for entry in predictors(path)}


def test_a_perfect_measure_tells_all_and_nothing_can_be_added(tmp_path):
    rows = networks(
        gc_train=lambda gap, rng: -gap,  # as good: the sign is known
        weight_norm=lambda gap, rng: np.exp(gap),
        sharpness=lambda gap, rng: rng.uniform(),
    )
    folder(tmp_path / "a", rows)
    found = scores(tmp_path)
    assert found["weight_norm"]["rho"] == pytest.approx(1)
    assert found["gc_train"]["rho"] == pytest.approx(-1)
    assert found["weight_norm"]["information"] == pytest.approx(1)
    assert found["weight_norm"]["gc_adds"] == pytest.approx(0, abs=1e-9)
    # Noise tells next to nothing, and GC adds all of the rest.
    assert found["sharpness"]["information"] < 0.05
    assert found["sharpness"]["gc_adds"] > 0.95
    assert found["margin_gc"]["networks"] == 0


def test_folders_are_not_compared_with_each_other(tmp_path):
    """Between the two GC falls with the gap, within each it rises."""
    for place in range(2):
        rows = networks(gc_train=lambda gap, rng, place=place: gap - 10 * place)
        for row in rows:
            row["train_accuracy"] += 5 * place
        folder(tmp_path / str(place), rows)
    gc = scores(tmp_path)["gc_train"]
    assert gc["rho"] == pytest.approx(1) and gc["folders"] == 2
    assert gc["information"] == pytest.approx(1)
    line = predictor_table(tmp_path).splitlines()[2]
    assert (
        line == "| GC of training examples | 400 | 2 | +1.00 | 100.0% | 0.0% |"
    )


def test_a_folder_without_networks_says_what_to_do(tmp_path):
    folder(tmp_path / "a", [{"gc": 1.0}])
    with pytest.raises(FileNotFoundError, match="keras-gc reproduce"):
        predictors(tmp_path)
