"""Rows that look like those of a run, for verdicts and figures."""

import math
import random


def fake_result(setting, seed):
    """Numbers that look like a run: GC falls with the setting, with noise."""
    rng = random.Random(f"{setting}{seed}")
    strength = sum(v for v in setting.values() if isinstance(v, int | float))
    gc = 100 / (1 + strength) * rng.uniform(0.9, 1.1)
    curve = [
        {
            "step": step,
            "loss": 2.3 / (1 + step / 10),
            "gc": gc * (1 - math.exp(-step / 50)) + 0.1,
            "gc_train": gc * (1 - math.exp(-step / 50)) + 0.1,
            "val_accuracy": 0.9 - 0.8 / (1 + step / 10),
            "margin_gc": gc / 10 if step else None,
            "arc_length": 2 * math.sqrt(1 + gc * (1 - math.exp(-step / 50))),
            "function": [math.sin(x) for x in range(5)],
            "jacobian_side": gc,
            "parameter_side": gc * 9,
            "violations": 0,
            "not_finite": 0,
            "tightest": 0.1,
            "examples": 50,
        }
        for step in (0, 1, 10, 100, 1000, 5000)
    ]
    return {
        "gc": gc,
        "arc_length": 2 + gc / 100,
        "gc_at_step": gc,
        "gc_at_loss": gc / 2,
        "gc_at_best": gc / 3,
        "initial_gc": 0.1,
        "spectral_bound": 100 * gc,
        "embedding_gc": gc / 2,
        "margin_gc": gc / 10,
        "collapse": gc / 50,
        "few_shot_accuracy": 0.9 - gc / 1000,
        "excess_risk": strength / 10,
        "test_accuracy": 0.95 - gc / 2000,
        "noise_accuracy": 0.9 - gc / 1000,
        "attack_accuracy": 0.8 - gc / 500,
        "relative_error": 0.01 / (strength + 0.01),
        "told_error": 0.01 / (strength + 0.01),
        "coverage": 0.9,
        "promised": 60,
        "warned": 2,
        "num_examples": 100,
        "logit_auroc": 0.5 + gc / 1000,
        "softmax_auroc": 0.8 + gc / 1000,
        **{
            f"{score}_auroc": rng.uniform(0.4, 1)
            for score in (
                "norm",
                "norm_mean",
                "norm_variance",
                "loss",
                "loss_mean",
                "held_out",
            )
        },
        "test_error": 0.05 + gc / 2000,
        "train_error": 0.0,
        "lipschitz_lower": gc / 5,
        "lipschitz_upper": 100 * gc,
        "test_loss": 0.1 + gc / 100,
        "train_loss": 1e-4,
        "curve": curve,
        "grid": [-1.0, -0.5, 0.0, 0.5, 1.0],
        "points": [[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]],
        "least_gc": 4.0,
    }


def fake_rows(experiment, scale, seeds=3):
    """All runs of an experiment."""
    return [
        {
            "setting": setting,
            "seed": seed,
            "result": fake_result(setting, seed),
        }
        for setting in experiment.settings[scale]
        for seed in range(seeds)
    ]
