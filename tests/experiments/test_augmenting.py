import numpy as np

from keras_gc.experiments.augmenting import shifted


def test_images_move_by_whole_pixels_and_nothing_wraps_around():
    x = np.zeros((200, 5, 5, 1), "float32")
    x[:, 2, 2] = 1.0
    moved = shifted(x, 2, np.random.default_rng(0))
    assert moved.shape == x.shape and (moved.sum((1, 2, 3)) == 1).all()
    places = {tuple(place) for place in np.argwhere(moved)[:, 1:3]}
    assert places == {(i, j) for i in range(5) for j in range(5)}
    x[:] = 0
    x[:, 0, 0] = 1.0  # a corner leaves the image, or moves inside
    assert (shifted(x, 2, np.random.default_rng(0))[:, 3:] == 0).all()


def test_no_pixels_change_nothing():
    x = np.random.default_rng(0).normal(size=(3, 4, 4, 1))
    assert shifted(x, 0, np.random.default_rng(0)) is x
