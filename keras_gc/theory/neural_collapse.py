"""Neural collapse: the spread of classes against the distance between them."""

from typing import Any

import keras
import numpy as np


def neural_collapse(features: Any, labels: Any) -> float:
    """Class-distance normalised variance of an embedding.

    For the classes `i` and `j` with mean features `m_i`, `m_j` and variances
    `v_i = E ||h - m_i||^2`,

        V_ij = (v_i + v_j) / (2 ||m_i - m_j||^2),

    and the value is the mean of `V_ij` over all pairs of classes. It is 0
    where each class has collapsed to a point of its own, and does not depend
    on the scale of the features. The lower it is, the better the nearest class
    mean classifies.

    Args:
        features: array of shape `(examples, ...)`, the output of an inner
            layer; flattened.
        labels: int array of shape `(examples,)`, of at least two classes.

    Returns:
        A float >= 0; `inf` if two classes have the same mean.

    Raises:
        ValueError: if there are fewer than two classes, or not as many labels
            as features.

    Example:
    >>> features = [[-1.0], [1.0], [9.0], [11.0]]
    >>> neural_collapse(features, [0, 0, 1, 1])
    0.01

    Reference: Galanti, Gyorgy & Hutter 2022, "On the role of neural collapse in
    transfer learning", section 2.
    """
    features = np.asarray(keras.ops.convert_to_numpy(features), "float64")
    features = features.reshape(len(features), -1)
    labels = np.asarray(keras.ops.convert_to_numpy(labels))
    if labels.shape != features.shape[:1]:
        raise ValueError(
            "`labels` must hold one integer for each row of `features`. "
            f"Received: labels of shape {labels.shape}, features of shape "
            f"{features.shape}"
        )
    classes = [features[labels == label] for label in np.unique(labels)]
    if len(classes) < 2:
        raise ValueError(
            "`labels` must hold at least two classes, for neural collapse "
            f"compares classes. Received: {len(classes)}"
        )
    means = np.stack([h.mean(0) for h in classes])  # (classes, units)
    variances = np.array([h.var(0).sum() for h in classes])
    i, j = np.triu_indices(len(classes), k=1)
    distances = np.sum((means[i] - means[j]) ** 2, -1)
    with np.errstate(divide="ignore"):
        return float(np.mean((variances[i] + variances[j]) / (2 * distances)))
