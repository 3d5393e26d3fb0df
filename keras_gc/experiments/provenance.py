"""Where the examples of an experiment come from, if not from the originals."""

import os

RE_ENCODED = "images re-encoded as JPEG"
_JPEG = b"\xff\xd8\xff"  # the first bytes of every JPEG file


def data_note(dataset: str) -> str | None:
    """Return what a reader must know of the stored copy of a data set.

    The originals of all our data sets are lossless. A copy that holds JPEG
    images is a re-encoding, with other pixels and slightly other accuracies.

    Args:
        dataset: str, name of a data set.

    Returns:
        A phrase; `None` if the copy is faithful, or not there yet.
    """
    encoded = _first_image(dataset)
    return RE_ENCODED if encoded.startswith(_JPEG) else None


def _first_image(dataset: str) -> bytes:
    """Return the file of one training image, empty if there is none."""
    from keras_gc.datasets import tfds as source

    if dataset not in source.NAMES:
        return b""
    import tensorflow_datasets as tfds

    data_dir = os.environ.get("TFDS_DATA_DIR") or None
    builder = tfds.builder(dataset, data_dir=data_dir)
    if not builder.info.initialized:
        return b""
    decoders = {"image": tfds.decode.SkipDecoding()}
    (example,) = tfds.as_numpy(
        builder.as_dataset(split="train[:1]", decoders=decoders)
    )
    return example["image"]
