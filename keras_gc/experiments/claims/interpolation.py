"""One-dimensional regression through ten points: which interpolant?"""

import dataclasses
import itertools

import keras
import numpy as np

from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.finding import Finding, judge_condition
from keras_gc.experiments.measuring import ExactGC
from keras_gc.experiments.networks import mlp
from keras_gc.experiments.trend import Trend, monotone_fractions
from keras_gc.models import GCModel

_X = np.linspace(-1.0, 1.0, 10)
POINTS = (_X, np.sin(np.pi * _X))
GRID = np.linspace(-1.0, 1.0, 201)
# No function through the points has a smaller mean squared slope than the
# straight lines between them.
LEAST_GC = float(np.mean((np.diff(POINTS[1]) / np.diff(POINTS[0])) ** 2))
THRESHOLDS = {
    # GC in units of the least one of an interpolant.
    "near_zero": 0.1,
    "simple_interpolant": 1.5,
    "fitted": 1e-3,  # mean squared error of an interpolant
    "rising": 0.9,  # share of the recorded steps at which GC is higher
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """A ReLU MLP and full-batch gradient descent. The values are ours.

    Args:
        width: int, units of each hidden layer.
        depth: int, hidden layers.
        learning_rate: float, learning rate of plain gradient descent.
        snapshots: tuple, steps whose function the figure shows; the last one
            ends the run. GC is measured at these and in between.
    """

    width: int = 300
    depth: int = 3
    learning_rate: float = 0.05
    snapshots: tuple[int, ...] = (0, 10, 100, 1000, 5000)


def run(recipe: Recipe, seed: int, dataset: str) -> dict:
    """Fit a network to the ten points and watch its GC.

    Args:
        recipe: `Recipe`, what to do.
        seed: int, seed of the initial weights.
        dataset: str, not used.

    Returns:
        A dict with GC before and after, the training loss, and the curve of
        loss, GC and the function itself over steps.
    """
    keras.utils.set_random_seed(seed)
    model = GCModel.from_model(
        mlp((1,), 1, width=recipe.width, depth=recipe.depth)
    )
    model.compile(
        keras.optimizers.SGD(recipe.learning_rate), "mse", gc_metric=False
    )
    gc = ExactGC(model)
    curve = [_snapshot(model, gc, 0)]
    for before, step in itertools.pairwise(_steps(recipe.snapshots[-1])):
        # Each batch holds all points. One long epoch: beginning an epoch
        # takes Keras longer than a step on ten points.
        x, y = (np.tile(p, step - before)[:, None] for p in POINTS)
        model.fit(x, y, batch_size=len(POINTS[0]), shuffle=False, verbose=0)
        curve.append(_snapshot(model, gc, step))
    return {
        "initial_gc": curve[0]["gc"],
        "gc": curve[-1]["gc"],
        "train_loss": curve[-1]["loss"],
        "curve": curve,
        "grid": GRID.tolist(),
        "points": [points.tolist() for points in POINTS],
        "least_gc": LEAST_GC,
    }


def _steps(last: int) -> list[int]:
    """0, 1, 2, 5, 10, 20, 50, ... up to the last step."""
    decades = (10**power for power in range(len(str(last))))
    steps = [factor * decade for decade in decades for factor in (1, 2, 5)]
    return [0, *(step for step in steps if step <= last)]


def _snapshot(model: keras.Model, gc: ExactGC, step: int) -> dict:
    function = model.predict(GRID[:, None], verbose=0)[:, 0]
    at_points = model.predict(POINTS[0][:, None], verbose=0)[:, 0]
    return {
        "step": step,
        "loss": float(np.mean((at_points - POINTS[1]) ** 2)),
        "gc": gc(GRID[:, None]),
        "function": [round(float(value), 5) for value in function],
    }


def _judge(rows: list[dict]) -> list[Finding]:
    points = [
        {
            "setting": {"step": point["step"]},
            "seed": row["seed"],
            "result": {"gc": point["gc"]},
        }
        for row in rows
        for point in row["result"]["curve"]
        if point["gc"] is not None
    ]
    # Points of one run depend on each other: no p-value, but each seed's own.
    rising = monotone_fractions(Trend("step", "gc", +1), points)
    share = min(rising.values(), default=0.0)
    # NaN where a run diverged: neither near 0 nor simple.
    start, end, loss = (
        np.array([row["result"][name] for row in rows], float).mean()
        for name in ("initial_gc", "gc", "train_loss")
    )
    return [
        judge_condition(
            "GC starts near 0",
            bool(start <= THRESHOLDS["near_zero"] * LEAST_GC),
            f"{start:.3g}, where straight lines have {LEAST_GC:.3g}",
        ),
        judge_condition(
            "GC rises along training",
            share >= THRESHOLDS["rising"],
            f"with each of {len(rising)} seeds at {share:.0%} of the recorded "
            "steps or more",
        ),
        judge_condition(
            "it stops at a simple interpolant",
            bool(
                loss <= THRESHOLDS["fitted"]
                and end <= THRESHOLDS["simple_interpolant"] * LEAST_GC
            ),
            f"GC {end:.3g}, where straight lines have {LEAST_GC:.3g}; mean "
            f"squared error {loss:.2g}",
        ),
    ]


EXPERIMENT = Experiment(
    name="interpolation",
    claim=(
        "A ReLU network fitted to ten points of a function of one variable "
        "starts with a GC near 0, gains GC as it learns, and stops at a "
        "simple interpolant."
    ),
    settings={scale: [{}] for scale in ("smoke", "small", "paper")},
    recipe=lambda scale, dataset: Recipe(
        snapshots=(0, 10, 100, 1000) + (5000,) * (scale != "smoke")
    ),
    run=run,
    judge=_judge,
    thresholds=THRESHOLDS,
    uses_data=False,
)
