"""A script: an experiment that takes no time to speak of, for tests to kill.

    python fake_experiment.py FOLDER LOG [--resume] [--slow]

Each run appends its name to LOG when it begins.
"""

import dataclasses
import sys
import time
import types
from pathlib import Path


@dataclasses.dataclass
class Recipe:
    depth: int = 1
    batch: int = 32


def run(recipe, seed, dataset):
    with Path(sys.argv[2]).open("a") as log:
        log.write(f"{recipe.depth}-{seed}\n")
    if "--slow" in sys.argv:
        time.sleep(0.05)
    return {"gc": 1.0 / recipe.depth + 0.001 * seed, "test_accuracy": 0.5}


def main():
    # The package without its __init__, which imports Keras: seconds.
    package = sys.modules["keras_gc"] = types.ModuleType("keras_gc")
    package.__path__ = [str(Path(__file__).parents[2] / "keras_gc")]

    from keras_gc.experiments import experiment

    experiment.environment = dict  # the real one imports Keras as well
    experiment.Experiment(
        name="fake",
        claim="GC falls with depth.",
        settings={"smoke": [{"depth": depth} for depth in (1, 2, 3, 4)]},
        recipe=lambda scale, dataset: Recipe(),
        run=run,
    ).reproduce(
        Path(sys.argv[1]),
        dataset="none",
        scale="smoke",
        seeds=3,
        resume="--resume" in sys.argv,
        progress=False,
    )


if __name__ == "__main__":
    main()
