"""Inputs and maps of inputs as small pictures, inside the page."""

import base64
import html
import io
from typing import Any

import keras
import numpy as np

from keras_gc.reporting.facts import Facts, InputMap
from keras_gc.reporting.text import number

_MAX_PIXELS = 96  # a side; larger images are thinned out
_SHOWN_NUMBERS = 6


def heat_map(image_map: InputMap) -> str:
    """Draw the mean squared derivative of each pixel.

    Args:
        image_map: of an image.

    Returns:
        An `<img>`.
    """
    pixels = thinned(over_channels(image_map.squares))
    title = f"Mean squared derivative of each pixel of {image_map.name}"
    return _image(pixels, title, cmap="magma", vmin=0)


def over_channels(squares: np.ndarray) -> np.ndarray:
    """Sum a map over channels, and over frames: what is left is a picture.

    Args:
        squares: array of rank 2 or more.

    Returns:
        Array `(height, width)`.
    """
    if squares.ndim == 2:
        return squares
    if keras.config.image_data_format() == "channels_last":
        squares = squares.sum(-1)
    return squares.sum(axis=tuple(range(squares.ndim - 2)))


def example_picture(x: Any, facts: Facts) -> str:
    """Draw one example by what it is.

    Args:
        x: what the model was given, arrays.
        facts: of the report, which knows the range and the kinds of inputs.

    Returns:
        HTML: a picture, a curve, or a few numbers in words.
    """
    leaves = [np.asarray(leaf) for leaf in keras.tree.flatten(x)]
    images = [leaf for leaf in leaves if _is_image(leaf, facts)]
    if images:
        return _photograph(images[0], facts.input_range)
    (first, *_) = leaves
    if len(leaves) == 1 and first.ndim == 2:
        return _curves(first)
    if first.dtype.kind in "iu":
        shown = " ".join(map(str, first.ravel()[:12]))
        return f'<p class="words">{shown}</p>'
    return _numbers(np.concatenate([v.ravel() for v in leaves]), facts)


def _is_image(leaf, facts):
    if leaf.ndim == 3:
        return True
    return leaf.ndim == 2 and any(m.kind == "image" for m in facts.inputs)


def _photograph(pixels, input_range):
    if pixels.ndim == 3 and keras.config.image_data_format() != "channels_last":
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim == 3 and pixels.shape[-1] not in {3, 4}:
        pixels = pixels[..., 0]
    low, high = input_range
    pixels = thinned(pixels.astype("float64"))
    pixels = np.clip((pixels - low) / ((high - low) or 1), 0, 1)
    return _image(pixels, "", cmap="gray", vmin=0, vmax=1)


def thinned(pixels: np.ndarray) -> np.ndarray:
    """Average blocks of a large image, so that a page stays small.

    Args:
        pixels: array `(height, width, ...)`.

    Returns:
        Array with at most some hundred pixels a side.
    """
    step = -(-max(pixels.shape[:2]) // _MAX_PIXELS)
    height, width = (size // step for size in pixels.shape[:2])
    blocks = pixels[: height * step, : width * step].reshape(
        height, step, width, step, *pixels.shape[2:]
    )
    return blocks.mean(axis=(1, 3))


def _image(pixels, title, **style):
    from matplotlib import image

    buffer = io.BytesIO()
    image.imsave(buffer, pixels, format="png", **style)
    data = base64.b64encode(buffer.getvalue()).decode()
    alt = html.escape(title)
    return f'<img src="data:image/png;base64,{data}" alt="{alt}">'


def _curves(values):
    """Draw steps in time as lines, up to three channels."""
    low, high = values.min(), values.max()
    scaled = (high - values[:, :3]) / ((high - low) or 1) * 36 + 2
    lines = "".join(
        '<polyline points="'
        + " ".join(f"{100 * t / len(y):.1f},{v:.1f}" for t, v in enumerate(y))
        + '"/>'
        for y in scaled.T
    )
    return f'<svg class="curve" viewBox="0 0 100 40">{lines}</svg>'


def _numbers(values, facts):
    """Name the inputs that the model is most sensitive to."""
    columns = [c for one in facts.inputs for c in one.columns]
    if len(columns) != len(values):
        shown = ", ".join(number(v) for v in values[:_SHOWN_NUMBERS])
        return f'<p class="words">{shown}</p>'
    weight = np.concatenate([
        (one.squares * one.deviations**2).ravel() for one in facts.inputs
    ])
    chosen = np.argsort(-weight)[:_SHOWN_NUMBERS]
    rows = "".join(
        f"<dt>{html.escape(columns[j])}</dt><dd>{number(float(values[j]))}</dd>"
        for j in chosen
    )
    return f'<dl class="row">{rows}</dl>'
