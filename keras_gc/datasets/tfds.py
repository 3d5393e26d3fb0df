"""Image datasets of TensorFlow Datasets, which downloads them when needed."""

import os
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

WHITE = 255  # the brightest pixel value in the source

# Where TensorFlow Datasets downloads each dataset from.
_HOSTS = {
    "mnist": "https://storage.googleapis.com",
    "fashion_mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
    ),
    "cifar10": "https://www.cs.toronto.edu",
    "cifar100": "https://www.cs.toronto.edu",
}
NAMES = tuple(_HOSTS)


def read(name: str) -> tuple:
    """Return `(x_train, y_train), (x_test, y_test), num_classes`, unscaled.

    Reading the stored records needs TensorFlow, whatever the Keras backend.
    """
    import tensorflow_datasets as tfds

    # TensorFlow Datasets reads the variable only when it is imported. We read
    # it at each call, so that a notebook can still set it.
    data_dir = os.environ.get("TFDS_DATA_DIR") or None
    builder = tfds.builder(name, data_dir=data_dir)
    if not builder.info.initialized:
        _download(builder)
    train, test = tfds.as_numpy(
        builder.as_dataset(
            split=["train", "test"], batch_size=-1, as_supervised=True
        )
    )
    return train, test, builder.info.features["label"].num_classes


def _download(builder: Any) -> None:
    from tensorflow_datasets.core.download import DownloadError

    try:
        _connect(_HOSTS[builder.name])
        builder.download_and_prepare()
    except (OSError, DownloadError) as error:
        raise RuntimeError(
            f"The dataset {builder.name!r} is not stored in "
            f"{builder.data_dir} and could not be downloaded: {error}. "
            "Set the environment variable TFDS_DATA_DIR to a folder that "
            "holds it, or use 'digits', which works offline."
        ) from None


def _connect(url: str) -> None:
    """Raise ConnectionError within seconds if nobody answers at `url`."""
    # Offline, TensorFlow Datasets itself would try again for minutes.
    try:
        urlopen(url, timeout=10).close()
    except HTTPError:
        pass  # refused, hence reached
    except URLError as error:
        raise ConnectionError(
            f"{url} does not answer ({error.reason})"
        ) from error
