"""GC over the squared margin, against excess risk (arXiv 2405.18590)."""

from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.finding import Finding, judge_condition
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.experiments.trend import Trend
from keras_gc.theory.margin import margin_normalized_gc


def _run(recipe: Recipe, seed: int, dataset: str) -> dict:
    data = training.load(dataset, recipe)
    model, result = training.train(recipe, seed, data)
    x, y = data.x_train[: recipe.num_gc], data.y_train[: recipe.num_gc]
    return {
        **result,
        "margin_gc": margin_normalized_gc(model, x, y),
        "excess_risk": result["train_accuracy"] - result["test_accuracy"],
    }


def _recipe(scale: str, dataset: str) -> Recipe:
    # Few examples, so that a network can memorise random labels in minutes.
    if scale == "paper":
        return base_recipe(scale, dataset, stop_at_loss=0.05)
    num_train = {"smoke": 200, "small": 1000}[scale]
    return base_recipe(
        scale,
        dataset,
        num_train=num_train,
        optimizer="adam",
        learning_rate=1e-3,
        epochs=400,
        stop_at_loss=0.02,
    )


def _judge(rows: list[dict]) -> list[Finding]:
    """Say so where GC / margin^2 is infinite, which no rank can hold."""
    wrong = sum(row["result"]["margin_gc"] is None for row in rows)
    if not wrong:
        return []
    return [
        judge_condition(
            "training examples are told apart",
            None,
            f"{wrong} of {len(rows)} runs have no positive median margin",
        )
    ]


EXPERIMENT = Experiment(
    name="margin",
    claim=(
        "GC over the squared margin grows with the excess risk, from true to "
        "random labels."
    ),
    settings={
        scale: [{"wrong_labels": share} for share in shares]
        for scale, shares in {
            "smoke": (0.0, 0.5, 1.0),
            "small": (0.0, 0.25, 0.5, 0.75, 1.0),
            "paper": (0.0, 0.5, 1.0),
        }.items()
    },
    recipe=_recipe,
    run=_run,
    trends=(Trend("excess_risk", "margin_gc", +1),),
    judge=_judge,
)
