"""GC of the embedding, neural collapse and few-shot transfer.

Reference: Munn, Dherin & Gonzalvo 2024 (arXiv 2405.15706).
"""

import dataclasses

import keras
import numpy as np

from keras_gc.experiments import training
from keras_gc.experiments.experiment import SCALES, Experiment
from keras_gc.experiments.measuring import ExactGC
from keras_gc.experiments.quantities import phrase
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.experiments.trend import Trend
from keras_gc.theory.neural_collapse import neural_collapse

# What presses on GC: the three ways of the paper.
PRESSURES = {
    "learning_rate": {"smoke": (0.05, 0.5), "small": (0.01, 0.03, 0.1, 0.3)},
    "l2": {"smoke": (0.01,), "small": (1e-4, 1e-3, 3e-3)},
    "gc_weight": {"smoke": (0.01,), "small": (1e-5, 1e-4, 1e-3)},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CollapseRecipe(Recipe):
    """A recipe for the lower half of the classes; the others are new.

    Args:
        shots: int, examples of each new class that are shown.
        episodes: int, how often others are shown.
    """

    shots: int = 5
    episodes: int = 50


def _recipe(scale: str, dataset: str) -> CollapseRecipe:
    # To one training loss for all where it can be reached, as for the
    # learning rate: an embedding that has learned little has a low GC, too.
    recipe = base_recipe(
        scale, dataset, gc_outputs="embedding", epochs=60, stop_at_loss=0.02
    )
    return CollapseRecipe(**dataclasses.asdict(recipe))


def _run(recipe: CollapseRecipe, seed: int, dataset: str) -> dict:
    data = training.load(dataset, recipe)
    half = data.num_classes // 2
    old_train, old_test = data.y_train < half, data.y_test < half
    old = data._replace(
        x_train=data.x_train[old_train],
        y_train=data.y_train[old_train],
        x_test=data.x_test[old_test],
        y_test=data.y_test[old_test],
        num_classes=half,
    )
    model, result = training.train(recipe, seed, old)
    embed = keras.Model(model.inputs[0], model.get_layer("embedding").output)
    features = embed.predict(data.x_test[~old_test], verbose=0)
    labels = data.y_test[~old_test]
    # Exact GC of an embedding costs one pass for each of its units.
    x_gc = old.x_test[: recipe.num_gc_along]
    return {
        **result,
        "embedding_gc": ExactGC(embed)(x_gc),
        "collapse": neural_collapse(features, labels),
        "few_shot_accuracy": few_shot_accuracy(
            features, labels, seed, recipe.shots, recipe.episodes
        ),
    }


def few_shot_accuracy(
    features: np.ndarray,
    labels: np.ndarray,
    seed: int,
    shots: int = 5,
    episodes: int = 50,
) -> float:
    """Classify by the nearest mean of a few examples of each class.

    Args:
        features: array, of shape `(examples, units)`.
        labels: array, integer labels.
        seed: int, decides which examples are the few.
        shots: int, how many of each class. Defaults to 5.
        episodes: int, how often they are drawn. Defaults to 50.

    Returns:
        Accuracy on all others, a mean over episodes.
    """
    rng = np.random.default_rng(seed)
    classes = np.unique(labels)
    accuracies = []
    for _ in range(episodes):
        order = rng.permutation(len(labels))
        shown = [order[labels[order] == c][:shots] for c in classes]
        means = np.stack([features[few].mean(0) for few in shown])
        rest = np.setdiff1d(order, np.concatenate(shown))
        distances = np.linalg.norm(features[rest, None] - means, axis=-1)
        nearest = classes[distances.argmin(-1)]
        accuracies.append(np.mean(nearest == labels[rest]))
    return float(np.mean(accuracies))


EXPERIMENT = Experiment(
    name="collapse",
    claim=(
        "The lower the GC of an embedding, however it was lowered, the more "
        "new classes collapse in it and the better a few shots tell them "
        "apart."
    ),
    settings={
        scale: [
            {"series": phrase(field), field: strength}
            for field, strengths in PRESSURES.items()
            for strength in strengths["smoke" if scale == "smoke" else "small"]
        ]
        for scale in SCALES
    },
    recipe=_recipe,
    run=_run,
    trends=(
        Trend("embedding_gc", "collapse", +1),
        Trend("embedding_gc", "few_shot_accuracy", -1),
    ),
)
