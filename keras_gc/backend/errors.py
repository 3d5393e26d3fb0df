"""What goes wrong when a model is differentiated, in one sentence each."""


def disconnected_inputs() -> ValueError:
    """The outputs do not depend on (some of) the inputs."""
    return ValueError(
        "The outputs do not depend differentiably on the inputs, so the "
        "Jacobian is not defined (it would silently count as 0). Expected: "
        "every input reaches the outputs through differentiable operations. "
        "Received: a broken path, as a cast to integers, argmax, a "
        "stop_gradient or an Embedding makes it. Measure from behind the "
        "break: `inputs='NAME'` (`gc_inputs='NAME'` in `compile`), where NAME "
        "is the first layer after it, for token models the embedding."
    )


def no_derivative(error: Exception) -> ValueError:
    """An operation of the model cannot be differentiated."""
    return ValueError(
        "The Jacobian needs derivatives, and an operation of this model has "
        "none. Replace it, or measure from behind it: `inputs='NAME'` "
        "(`gc_inputs='NAME'` in `compile`), where NAME is the first layer "
        f"after it. Received from the framework: {error}"
    )


def no_second_derivative(error: Exception | str) -> ValueError:
    """An operation of the model cannot be differentiated twice."""
    return ValueError(
        "The gradient of geometric complexity, GradientPenalty and estimates "
        "in forward mode need second derivatives, and an operation of this "
        "model has none. Train with an estimator that needs first "
        "derivatives only: `keras_gc.estimators.FiniteDifference()` "
        "(`gc_estimator='finite_difference'` in `compile`); measure with one "
        "in reverse mode: `ExactReverse()`. Received from the framework: "
        f"{error}"
    )


def no_forward_mode(error: Exception | str) -> ValueError:
    """An operation of the model has no forward-mode derivative."""
    return ValueError(
        "This estimator needs forward-mode derivatives, and an operation of "
        "this model (one with a gradient of its own) has none. Use one in "
        "reverse mode: `keras_gc.estimators.ExactReverse()`, "
        "`Hutchinson(mode='reverse')` or `SampledOutputs()`. Received from "
        f"the framework: {error}"
    )


def noise_of_its_own(operation: str) -> ValueError:
    """A model draws random numbers that cannot be drawn a second time."""
    return ValueError(
        "FiniteDifference, SAM and GradientPenalty compare two evaluations of "
        "the model, which must draw the same random numbers, and an operation "
        "of this model draws from a state of its own: their difference would "
        "be mostly noise. Draw from a seed, `keras.random.uniform(..., "
        "seed=keras.random.SeedGenerator())`, or use what needs one "
        "evaluation, as `keras_gc.estimators.Hutchinson()`. Received: "
        f"operation {operation}"
    )
