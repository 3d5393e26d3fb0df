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


def no_second_derivative(error: Exception) -> ValueError:
    """An operation of the model cannot be differentiated twice."""
    return ValueError(
        "The gradient of geometric complexity needs second derivatives, and "
        "an operation of this model has none. Use an estimator that needs "
        "first derivatives only: `keras_gc.estimators.FiniteDifference()` "
        "(`gc_estimator='finite_difference'` in `compile`). Received from "
        f"the framework: {error}"
    )
