import os
from pathlib import Path

import pytest

from keras_gc.experiments import provenance


@pytest.mark.parametrize(
    "start, note",
    [
        (b"\xff\xd8\xff\xe0", provenance.RE_ENCODED),
        (b"\x89PNG\r\n", None),
        (b"", None),
    ],
    ids=["jpeg", "png", "not stored"],
)
def test_a_copy_of_jpeg_images_is_said(start, note, monkeypatch):
    monkeypatch.setattr(provenance, "_first_image", lambda dataset: start)
    assert provenance.data_note("cifar10") == note


def test_a_data_set_that_is_not_stored_is_not_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert provenance.data_note("cifar10") is None
    assert provenance.data_note("digits") is None
    assert provenance.data_note("none") is None


@pytest.mark.skipif(
    not Path(os.environ.get("TFDS_DATA_DIR", "nowhere"), "mnist").exists(),
    reason="MNIST is not stored in TFDS_DATA_DIR",
)
def test_the_first_image_is_read_as_it_is_stored():
    assert provenance._first_image("mnist").startswith(b"\x89PNG")
