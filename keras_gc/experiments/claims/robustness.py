"""What the GC penalty buys: robustness to noise and to small attacks.

Reference: Hoffman, Roberts & Yaida 2019 (arXiv 1908.02729).
"""

import dataclasses

from keras_gc.experiments import training
from keras_gc.experiments.claims.explicit import EXPERIMENT as EXPLICIT
from keras_gc.experiments.complexity import complexity_measures
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.finding import Finding, judge_condition
from keras_gc.experiments.measuring import evaluate
from keras_gc.experiments.perturbing import fast_gradient_sign, with_noise
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.experiments.rows import by_setting, mean
from keras_gc.experiments.trend import Trend

THRESHOLDS = {"cost": 0.01}  # test accuracy that robustness may cost


@dataclasses.dataclass(frozen=True, kw_only=True)
class RobustnessRecipe(Recipe):
    """A recipe, and how the test examples are made worse. Ours.

    Args:
        test_noise: float, standard deviation of noise on test examples.
        attack: float, step of the fast gradient sign method.
    """

    test_noise: float = 0.3
    attack: float = 0.05


def _recipe(scale: str, dataset: str) -> RobustnessRecipe:
    changes = {}
    if dataset.startswith("cifar"):  # where less noise hides an object
        changes = {"test_noise": 0.1, "attack": 0.01}
    recipe = base_recipe(scale, dataset)
    return RobustnessRecipe(**dataclasses.asdict(recipe) | changes)


def _run(recipe: RobustnessRecipe, seed: int, dataset: str) -> dict:
    data = training.load(dataset, recipe)
    model, result = training.train(recipe, seed, data)
    noisy = with_noise(data.x_test, recipe.test_noise, seed)
    attacked = fast_gradient_sign(
        model, data.x_test, data.y_test, recipe.attack
    )
    result |= {
        "noise_accuracy": evaluate(model, noisy, data.y_test)[1],
        "attack_accuracy": evaluate(model, attacked, data.y_test)[1],
    }
    if recipe.network != "resnet18":  # a bound of chains alone
        result |= complexity_measures(model, data, recipe.num_gc)
    return result


def _judge(rows: list[dict]) -> list[Finding]:
    accuracies = {
        setting["gc_weight"]: {
            name: mean(runs, name) or 0.0
            for name in ("test_accuracy", "attack_accuracy")
        }
        for setting, runs in by_setting(rows)
    }
    plain = accuracies[0.0]
    best = max(accuracies, key=lambda w: accuracies[w]["attack_accuracy"])
    cost = plain["test_accuracy"] - accuracies[best]["test_accuracy"]
    return [
        judge_condition(
            "the weight that withstands most attacks costs little accuracy",
            cost <= THRESHOLDS["cost"] if best else False,
            f"weight {best:g}: "
            f"{accuracies[best]['attack_accuracy']:.3f} of attacked examples "
            f"right, {plain['attack_accuracy']:.3f} without; of clean ones "
            f"{accuracies[best]['test_accuracy']:.3f} and "
            f"{plain['test_accuracy']:.3f}",
        )
    ]


EXPERIMENT = Experiment(
    name="robustness",
    claim=(
        "A larger weight of the GC penalty makes a network more robust to "
        "Gaussian noise and to the fast gradient sign method, at little cost "
        "in accuracy."
    ),
    settings={
        **EXPLICIT.settings,
        "smoke": [{"gc_weight": 0.0}, {"gc_weight": 0.01}],
        "small": [
            {"gc_weight": weight}
            for weight in (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
        ],
    },
    recipe=_recipe,
    run=_run,
    trends=(
        Trend("gc_weight", "noise_accuracy", +1),
        Trend("gc_weight", "attack_accuracy", +1),
    ),
    judge=_judge,
    thresholds=THRESHOLDS,
)
