"""Theory."""

from keras_gc.theory.implicit_gradient import (
    implicit_gradient_penalty as implicit_gradient_penalty,
)
