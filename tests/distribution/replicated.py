"""What `compile` may be given, and which of it a whole batch decides."""

import keras

from keras_gc import heuristics

# Two halves of a batch come to the numbers of the whole.
LIKE_ONE = {
    "exact": {},
    "SAM": {"heuristics": [heuristics.SAM(0.1)]},
    "gradient penalty": {"heuristics": [heuristics.GradientPenalty(0.05)]},
}
# Each replica draws its own numbers, or normalises its own half.
UNLIKE_ONE = {
    "sampled outputs": {"estimator": "sampled_outputs"},
    "probes": {"estimator": "hutchinson"},
    "fraction": {"gc_fraction": 0.5},
    "input noise": {"heuristics": [heuristics.InputNoise(0.1)]},
    "batch normalization": {"layers": [keras.layers.BatchNormalization]},
}
ALL = LIKE_ONE | UNLIKE_ONE
