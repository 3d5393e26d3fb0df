"""Everything that decides a run of the experiments that train a classifier."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a run, except its seed. The values are ours.

    Args:
        network: str, one of `networks.NETWORKS`.
        width: int, width of the network.
        depth: int, hidden layers, for an MLP; `None` for the other networks.
        kernel_initializer: str, a Keras initializer of every kernel.
        num_train: int, number of training examples, a random subset that is the
            same in all runs; all of them if the data set has no more.
        num_test: int, test examples, likewise.
        num_gc: int, number of test examples on which the final GC is measured.
        num_gc_along: int, number of these on which GC is measured along
            training.
        optimizer: str, "sgd" or "adam".
        learning_rate: float, its learning rate, held constant.
        momentum: float, momentum of "sgd".
        loss: str, "cross_entropy", or "squared": the squared error of linear
            outputs against centred one-hot labels, a mean over the classes.
        batch_size: int, examples in a batch.
        epochs: int, largest number of epochs.
        stop_at_loss: float, training stops once the loss on 1,000 training
            examples is this low, which makes runs of different speed
            comparable; `None` trains for all `epochs`.
        augment: int, pixels by which training images move at most, at random.
        l2: float, strength of Keras's L2 regularizer on every kernel.
        spectral_norm: float, strength of the spectral-norm penalty on every
            kernel.
        gc_weight: float, weight of the GC penalty.
        gc_outputs: str, layer whose GC is penalised; `None` for the logits.
        sam_rho: float, radius of SAM; 0 for none.
        gradient_penalty: float, weight of the squared norm of the loss's
            gradient.
        input_noise: float, standard deviation of the noise on the inputs.
        weight_noise: float, standard deviation of the noise on the weights.
        label_noise: float, share of labels drawn anew for each batch.
        wrong_labels: float, share of training labels drawn once, before
            training.
        curve_growth: float, ratio between successive recording steps.
    """

    network: str = "mlp"
    width: int = 256
    depth: int | None = None
    kernel_initializer: str = "he_normal"
    num_train: int = 4000
    num_test: int = 2000
    num_gc: int = 500
    num_gc_along: int = 100
    optimizer: str = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.0
    loss: str = "cross_entropy"
    batch_size: int = 32
    epochs: int = 20
    stop_at_loss: float | None = None
    augment: int = 0
    l2: float = 0.0
    spectral_norm: float = 0.0
    gc_weight: float = 0.0
    gc_outputs: str | None = None
    sam_rho: float = 0.0
    gradient_penalty: float = 0.0
    input_noise: float = 0.0
    weight_noise: float = 0.0
    label_noise: float = 0.0
    wrong_labels: float = 0.0
    curve_growth: float = 1.5


# Width of each network of `networks.NETWORKS`; the last two are as published.
WIDTHS = {"mlp": 256, "lenet": 6, "resnet18": 64, "vgg13": 64}


def base_recipe(scale: str, dataset: str, **changes: Any) -> Recipe:
    """Return what the experiments at one scale have in common.

    Args:
        scale: str, "smoke", "small" or "paper".
        dataset: str, name of the data set; colour images get convolutions.
        **changes: Fields of the recipe to replace. A `network` brings its width
            and depth with it.

    Returns:
        A `Recipe`.
    """
    colour = dataset.startswith("cifar")
    network = "resnet18" if scale == "paper" else "lenet" if colour else "mlp"
    shape = shape_of(changes.get("network", network), scale)
    sizes: dict[str, Any] = {
        "smoke": {"num_train": 500, "num_test": 300, "num_gc": 100},
        "small": {},
        "paper": {
            "num_train": 50_000,
            "num_test": 10_000,
            "num_gc": 1000,
            "batch_size": 128,
            "epochs": 100,
        },
    }
    return Recipe(**shape | sizes[scale] | changes)


def shape_of(network: str, scale: str) -> dict[str, Any]:
    """Return the fields of a recipe that make up a network.

    Args:
        network: str, one of `networks.NETWORKS`.
        scale: str, "smoke" makes an MLP smaller.

    Returns:
        A dict with `network`, `width` and `depth`.
    """
    is_mlp = network == "mlp"
    width = 64 if is_mlp and scale == "smoke" else WIDTHS[network]
    return {"network": network, "width": width, "depth": 2 if is_mlp else None}
