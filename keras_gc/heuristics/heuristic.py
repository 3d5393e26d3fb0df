"""The base class of training heuristics, and where they act in a step."""


class Heuristic:
    """A change to how a step's gradient comes about; in training only.

    A subclass overrides one method.
    """

    def corrupt(self, x, y):
        """Return the batch that the loss is computed on.

        Args:
            x: the model's input, tensors.
            y: the targets, tensors.

        Returns:
            `(x, y)`.
        """
        return x, y

    def wrap(self, value_and_gradients):
        """Return the function that computes the gradients.

        Args:
            value_and_gradients: function `(objective, variables, values=None)
                -> (aux, gradients)`, where `objective() -> (loss, aux)`; see
                `keras_gc.backend`.

        Returns:
            A function with the same arguments and results.
        """
        return value_and_gradients
