import dataclasses
import json

import pytest

from keras_gc import experiments
from keras_gc.experiments import experiment as module
from keras_gc.experiments.experiment import SCALES, Experiment
from keras_gc.experiments.quantities import QUANTITIES
from keras_gc.experiments.store import Store
from tests.experiments.fake_rows import fake_rows

EXPERIMENTS = [experiments.get(name) for name in experiments.NAMES]


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.name)
@pytest.mark.parametrize("scale", SCALES)
def test_settings_are_fields_of_the_recipe(experiment, scale):
    recipe = experiment.recipe(scale, "cifar10")
    for setting in experiment.settings[scale]:
        fields = {k: v for k, v in setting.items() if k != "series"}
        dataclasses.replace(recipe, **fields)
    assert len(experiment.settings[scale]) == len({
        json.dumps(setting) for setting in experiment.settings[scale]
    })


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.name)
def test_trends_speak_of_known_quantities_and_series(experiment):
    for trend in experiment.trends:
        assert {trend.x, trend.y} <= set(QUANTITIES)
        grids = experiment.settings["small"] + experiment.settings["paper"]
        mine = [
            setting
            for setting in grids
            if trend.series in {None, setting.get("series")}
        ]
        is_set = hasattr(experiment.recipe("small", "mnist"), trend.x)
        assert any(trend.x in setting or not is_set for setting in mine)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.name)
def test_every_experiment_finds_one_of_three_outcomes(experiment):
    findings = experiment.verdict(fake_rows(experiment, "small")).findings
    assert findings
    assert {finding.outcome for finding in findings} <= {
        "reproduced", "not reproduced", "not decided",
    }  # fmt: skip


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.name)
def test_smoke_is_no_evidence_and_says_so(experiment):
    verdict = experiment.verdict(fake_rows(experiment, "smoke"), "smoke")
    assert verdict.outcome == "no evidence" and verdict.findings == []
    said = str(verdict)
    assert "scale smoke shows that the experiment runs, and is no" in said
    assert "reproduced" not in said and "not decided" not in said


def test_seeds_are_a_count_or_a_list(tmp_path):
    seen = []
    experiment = tiny(lambda recipe, seed, dataset: seen.append(seed) or {})
    reproduce(experiment, tmp_path, seeds=[7, 3])
    assert seen == [7, 3] * 2
    reproduce(experiment, tmp_path, seeds=2, resume=True)
    assert seen[4:] == [0, 1] * 2
    assert Store(tmp_path).config()["seeds"] == [7, 3, 0, 1]


def test_names_come_with_claims_that_are_sentences():
    names = experiments.names()
    assert tuple(names) == experiments.NAMES
    assert all(claim.endswith(".") for claim in names.values())


def test_the_configuration_says_all_that_is_fixed_before_the_runs():
    config = experiments.get("explicit").config("mnist", "small", 3)
    assert config == json.loads(json.dumps(config))
    assert config["seeds"] == [0, 1, 2]
    assert config["settings"][0] == {"gc_weight": 0.0}
    assert config["recipe"]["learning_rate"] > 0
    assert config["thresholds"]["significance"] == 0.05
    assert config["hyper_parameters"].startswith("ours")


@dataclasses.dataclass
class Tiny:
    depth: int = 1


def tiny(run):
    return Experiment(
        name="tiny",
        claim="GC falls with depth.",
        settings={"smoke": [{"depth": depth} for depth in (1, 2)]},
        recipe=lambda scale, dataset: Tiny(),
        run=run,
    )


def reproduce(experiment, folder, **options):
    return experiment.reproduce(
        folder,
        **{"dataset": "none", "scale": "smoke", "seeds": 2, "progress": False}
        | options,
    )


def test_a_row_holds_what_a_reader_needs(tmp_path):
    reproduce(tiny(lambda recipe, seed, dataset: {"gc": 1.0}), tmp_path)
    row = Store(tmp_path).rows()[-1]
    assert row["setting"] == row["recipe"] == {"depth": 2}
    assert row["seed"] == 1 and row["result"] == {"gc": 1.0}
    assert row["time"]["seconds"] >= 0
    environment = row["environment"]
    assert {"keras", "keras_gc", "python", "floatx"} <= set(environment)
    assert environment["tf32"] in {True, False}
    assert all(isinstance(name, str) for name in environment["devices"])


def test_numbers_that_are_not_finite_are_stored_as_null(tmp_path):
    def run(recipe, seed, dataset):
        return {"gc": float("nan"), "curve": [{"gc": float("inf")}]}

    reproduce(tiny(run), tmp_path)
    result = Store(tmp_path).rows()[0]["result"]
    assert result == {"gc": None, "curve": [{"gc": None}]}


def test_the_verdict_is_written_beside_the_rows(tmp_path):
    verdict = reproduce(tiny(lambda *_: {"gc": 1.0}), tmp_path)
    written = json.loads((tmp_path / "verdict.json").read_text())
    assert written["outcome"] == verdict.outcome
    assert written["table"] == verdict.table


def test_the_display_counts_finished_runs_and_names_the_one_in_hand(
    tmp_path, capsys
):
    reproduce(tiny(lambda *_: {"gc": 1.0}), tmp_path, progress=True)
    shown = capsys.readouterr().out
    assert "4/4" in shown and "depth=2, seed=1" in shown


@pytest.mark.parametrize(
    "options, error",
    [
        ({"scale": "large"}, "`scale` must be one of"),
        ({"seeds": 0}, "`seeds`"),
        ({"seeds": []}, "`seeds` must be a count"),
        ({"seeds": [1, 1]}, "`seeds` must be a count"),
        ({"seeds": [-1]}, "`seeds` must be a count"),
        ({"seeds": ["1"]}, "`seeds` must be a count"),
    ],
)
def test_arguments_are_checked_before_anything_is_written(
    options, error, tmp_path
):
    with pytest.raises(ValueError, match=error):
        reproduce(tiny(lambda *_: {}), tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_an_unknown_experiment_lists_the_known_ones():
    with pytest.raises(ValueError, match="'explicit'.*name='nothing'"):
        experiments.reproduce("nothing")


def test_results_lie_in_a_folder_of_the_experiments_name(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "environment", dict)
    monkeypatch.setattr(
        experiments, "get", lambda name: tiny(lambda *_: {"gc": 1.0})
    )
    monkeypatch.chdir(tmp_path)
    experiments.reproduce("tiny", progress=False)
    assert Store("keras-gc-results/tiny").missing() == []
    experiments.reproduce("tiny", out=tmp_path / "mine", progress=False)
    assert Store(tmp_path / "mine" / "tiny").missing() == []


def test_a_wrong_name_leaves_no_folder_behind(tmp_path):
    for name, options in [
        ("nothing", {}),
        ("explicit", {"dataset": "imagenet"}),
        ("explicit", {"scale": "huge"}),
        ("explicit", {"network": "transformer"}),
    ]:
        with pytest.raises(ValueError, match="must be one of"):
            experiments.reproduce(name, **options, out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_resume_takes_what_is_not_given_from_the_folder(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        Experiment,
        "reproduce",
        lambda self, folder, **options: asked.append((self.network, options)),
    )
    explicit = experiments.get("explicit").on("resnet18")
    Store(tmp_path / "explicit").create(explicit.config("cifar10", "small", 5))
    experiments.reproduce("explicit", out=tmp_path, resume=True)
    experiments.reproduce("explicit", out=tmp_path)
    (network, resumed), (no_network, new) = asked
    given = {"dataset": "cifar10", "scale": "small", "seeds": [*range(5)]}
    assert network == "resnet18" and given.items() <= resumed.items()
    given = {"dataset": "digits", "scale": "smoke", "seeds": 2}
    assert no_network is None and given.items() <= new.items()


def test_another_network_brings_its_width_and_stands_in_the_configuration():
    config = experiments.get("explicit").on("vgg13").config("mnist", "small", 1)
    assert config["network"] == "vgg13"
    recipe = config["recipe"]
    assert (recipe["network"], recipe["width"], recipe["depth"]) == (
        "vgg13", 64, None,
    )  # fmt: skip
    assert recipe["num_train"] == 4000  # the rest is the scale's


@pytest.mark.parametrize(
    "name", ["interpolation", "initialization", "transfer_theorem"]
)
def test_an_experiment_that_chooses_its_networks_takes_no_other(name):
    with pytest.raises(ValueError, match="chooses its own networks"):
        experiments.get(name).on("lenet")
