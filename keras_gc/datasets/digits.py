"""Handwritten digits that come with scikit-learn: no download."""

WHITE = 16  # the brightest pixel value in the source
NAMES = ("digits",)


def read(name: str) -> tuple:
    """Return `(x_train, y_train), (x_test, y_test), num_classes`, unscaled.

    The source has no split of its own. Ours is fixed, whatever the seed: a
    fifth of each class is for testing.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        digits.images[..., None],
        digits.target,
        test_size=0.2,
        stratify=digits.target,
        random_state=0,
    )
    return (x_train, y_train), (x_test, y_test), len(digits.target_names)
