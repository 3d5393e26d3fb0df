"""Do Jacobian norms find wrong labels? Against the loss, and a second opinion.

Scores of a training example: its squared Jacobian norm at the end of training,
the mean and the variance of these over checkpoints (the latter in the spirit of
Agarwal, D'souza & Hooker 2022, arXiv 2008.11600); its loss at the end and over
checkpoints; and its loss under a network that was trained on the other half of
the data, which ranks as cleanlab's default score does (1 minus the
self-confidence, out of sample).
"""

import dataclasses

import keras
import numpy as np

from keras_gc.datasets import Dataset
from keras_gc.experiments import training
from keras_gc.experiments.auroc import auroc
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.finding import Finding, judge_condition
from keras_gc.experiments.measuring import ExactGC
from keras_gc.experiments.recipe import Recipe, base_recipe

NORMS = {
    "norm_auroc": "the norm at the end",
    "norm_mean_auroc": "the mean of the norm over checkpoints",
    "norm_variance_auroc": "the variance of the norm over checkpoints",
}
LOSSES = {
    "loss_auroc": "the loss at the end",
    "loss_mean_auroc": "the mean loss over checkpoints",
    "held_out_auroc": "the loss out of sample",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoringRecipe(Recipe):
    """A recipe, and how many training examples are scored.

    Args:
        num_scored: int, training examples that are scored.
    """

    num_scored: int = 1000


class _Checkpoints:
    """Keeps norm and loss of each scored example along training."""

    def __init__(self, x: np.ndarray, y: np.ndarray):
        self._x, self._y = x, y
        self._gc: ExactGC | None = None
        self.norms: list[np.ndarray] = []
        self.losses: list[np.ndarray] = []

    def __call__(self, model: keras.Model) -> dict:
        self._gc = self._gc or ExactGC(model)  # traced once
        self.norms.append(self._gc.norms(self._x))
        self.losses.append(losses(model, self._x, self._y))
        return {}


def losses(model: keras.Model, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of each example.

    Args:
        model: `keras.Model`, returns logits.
        x: array, inputs.
        y: array, integer labels.

    Returns:
        An array of shape `(examples,)`, in nats.
    """
    values = keras.losses.sparse_categorical_crossentropy(
        y, model(x, training=False), from_logits=True
    )
    return keras.ops.convert_to_numpy(values)


def _recipe(scale: str, dataset: str) -> ScoringRecipe:
    recipe = base_recipe(scale, dataset, wrong_labels=0.1)
    few = {"num_scored": 200} if scale == "smoke" else {}
    return ScoringRecipe(**dataclasses.asdict(recipe) | few)


def _run(recipe: ScoringRecipe, seed: int, dataset: str) -> dict:
    data = training.load(dataset, recipe)
    true = training.load(dataset, dataclasses.replace(recipe, wrong_labels=0.0))
    is_wrong = (data.y_train != true.y_train)[: recipe.num_scored]
    x, y = data.x_train[: recipe.num_scored], data.y_train[: recipe.num_scored]
    checkpoints = _Checkpoints(x, y)
    _, result = training.train(recipe, seed, data, checkpoints)
    norms, along = np.stack(checkpoints.norms), np.stack(checkpoints.losses)
    scores = {
        "norm_auroc": norms[-1],
        "norm_mean_auroc": norms.mean(0),
        "norm_variance_auroc": norms.var(0),
        "loss_auroc": along[-1],
        "loss_mean_auroc": along.mean(0),
        "held_out_auroc": _held_out(recipe, seed, data)[: recipe.num_scored],
    }
    return {
        **result,
        "num_wrong": int(is_wrong.sum()),
        **{name: auroc(score, is_wrong) for name, score in scores.items()},
    }


def _held_out(recipe: Recipe, seed: int, data: Dataset) -> np.ndarray:
    """Return each example's loss under a network trained on the others."""
    in_first = np.arange(len(data.y_train)) % 2 == 0
    scores = np.empty(len(data.y_train))
    for half in (in_first, ~in_first):
        part = data._replace(
            x_train=data.x_train[half], y_train=data.y_train[half]
        )
        model, _ = training.train(recipe, seed, part)
        scores[~half] = losses(model, data.x_train[~half], data.y_train[~half])
    return scores


def _judge(rows: list[dict]) -> list[Finding]:
    means = {
        name: float(np.mean([row["result"][name] for row in rows]))
        for name in NORMS | LOSSES
    }
    rivals = ", ".join(f"{means[name]:.3f} {LOSSES[name]}" for name in LOSSES)
    return [
        judge_condition(
            f"{words} finds wrong labels at least as well as the loss",
            means[name] >= means["loss_auroc"],
            f"mean AUROC {means[name]:.3f}; {rivals}",
        )
        for name, words in NORMS.items()
    ]


EXPERIMENT = Experiment(
    name="mislabelled",
    claim=(
        "Jacobian norms of training examples find wrong labels at least as "
        "well as the loss does."
    ),
    settings={
        scale: [{"wrong_labels": share} for share in shares]
        for scale, shares in {
            "smoke": (0.2,),
            "small": (0.05, 0.1, 0.2),
            "paper": (0.05, 0.1, 0.2),
        }.items()
    },
    recipe=_recipe,
    run=_run,
    judge=_judge,
)
