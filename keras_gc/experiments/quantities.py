"""The quantities of the experiments in words, with their units."""

GC_UNIT = "(logit / input unit)²"

# Name in the rows -> (phrase, unit).
QUANTITIES = {
    "gc": ("GC", GC_UNIT),
    "gc_train": ("GC of training examples", GC_UNIT),
    "gc_at_step": ("GC after equal steps", GC_UNIT),
    "gc_at_loss": ("GC at equal training loss", GC_UNIT),
    "gc_at_best": ("GC at the best validation accuracy", GC_UNIT),
    "initial_gc": ("GC at initialisation", GC_UNIT),
    "embedding_gc": (
        "GC of the embedding",
        "(embedding unit / input unit)²",
    ),
    "spectral_bound": ("spectral bound", GC_UNIT),
    "margin_gc": ("GC / margin²", "1 / input unit²"),
    "test_accuracy": ("test accuracy", ""),
    "train_accuracy": ("training accuracy", ""),
    "test_loss": ("test loss", ""),
    "train_loss": ("training loss", ""),
    "test_error": ("test error", ""),
    "train_error": ("training error", ""),
    "lipschitz_lower": ("squared Lipschitz constant, from below", GC_UNIT),
    "lipschitz_upper": ("spectral bound", GC_UNIT),
    "excess_risk": ("test error − training error", ""),
    "collapse": ("class-distance normalised variance", ""),
    "few_shot_accuracy": ("5-shot accuracy on new classes", ""),
    "noise_accuracy": ("accuracy on noisy examples", ""),
    "attack_accuracy": ("accuracy on attacked examples", ""),
    "weight_norm": ("squared norm of the weights", ""),
    "sharpness": ("rise of the loss within ρ = 0.05", "nat"),
    "norm_auroc": ("norm at the end", ""),
    "norm_mean_auroc": ("norm, mean over checkpoints", ""),
    "norm_variance_auroc": ("norm, variance over checkpoints", ""),
    "loss_auroc": ("loss at the end", ""),
    "loss_mean_auroc": ("loss, mean over checkpoints", ""),
    "held_out_auroc": ("loss out of sample", ""),
    "learning_rate": ("learning rate", ""),
    "batch_size": ("batch size", "examples"),
    "momentum": ("momentum", ""),
    "l2": ("L2 strength", ""),
    "spectral_norm": ("spectral-norm strength", ""),
    "gc_weight": ("GC weight", ""),
    "gc_target": ("target of GC", GC_UNIT),
    "sam_rho": ("radius ρ of SAM", ""),
    "gradient_penalty": ("gradient-penalty weight", ""),
    "weight_noise": ("noise σ on the weights", ""),
    "input_noise": ("input noise σ", "input unit"),
    "label_noise": ("labels drawn anew", "share"),
    "augment": ("shifts of training images", "pixels, at most"),
    "wrong_labels": ("labels kept random", "share"),
    "epochs": ("most epochs", ""),
    "depth": ("hidden layers", ""),
    "width": ("width", "units"),
    "arc_length": ("arc length", "input unit"),
    "share": ("share that is used", ""),
    "rtol": ("rtol", ""),
    "relative_error": ("relative error of GC", ""),
    "told_error": ("relative error as its standard error tells", ""),
    "coverage": ("intervals that hold the true GC", "share"),
    "step": ("training step", ""),
    "jacobian_side": ("‖J‖² Σᵢ Tᵢ", ""),
    "parameter_side": ("‖∇f‖² in the weights", ""),
}


def phrase(name: str) -> str:
    """Return a quantity in words.

    Args:
        name: str, its name in the rows.

    Returns:
        A phrase that fits into a sentence.
    """
    return QUANTITIES[name][0]


def axis_label(name: str) -> str:
    """Return a quantity as an axis label.

    Args:
        name: str, its name in the rows.

    Returns:
        Its phrase, and its unit in brackets where it has one.
    """
    words, unit = QUANTITIES[name]
    return f"{words} [{unit}]" if unit else words
