"""The paper's heuristics, for `GCModel.compile(heuristics=[...])`.

One step, with all of them (each acts in training only):

    batch              InputNoise, LabelNoise: noisy x, noisy y
    objective          L(w) = loss + regularization + gc_weight * GC
    WeightNoise        L(w + noise)
    GradientPenalty    L + weight * ||grad L||^2
    SAM                the gradient at w + rho * grad L / ||grad L||

The order of the list does not matter: all noise is drawn once in a step,
GradientPenalty adds to whatever the loss is, and SAM comes last and takes the
gradients of what results.
"""

from keras_gc.heuristics.gradient_penalty import GradientPenalty
from keras_gc.heuristics.heuristic import Heuristic
from keras_gc.heuristics.input_noise import InputNoise
from keras_gc.heuristics.label_noise import LabelNoise
from keras_gc.heuristics.sam import SAM
from keras_gc.heuristics.serialization import get, get_all
from keras_gc.heuristics.weight_noise import WeightNoise

__all__ = [
    "SAM",
    "GradientPenalty",
    "Heuristic",
    "InputNoise",
    "LabelNoise",
    "WeightNoise",
    "get",
    "get_all",
]
