"""One pass over the data: all that is measured at each example."""

import math

import keras
import numpy as np

from keras_gc.reporting.input_meter import InputMeter

NUM_SHOWN = 20  # examples with the largest and the smallest norms
# `rtol` is not believed before this many examples.
_FEWEST_EXAMPLES = 64
# Lifts a derivative of 1e-30, whose square no float32 can hold, to 1e-3.
_LIFT = 2.0**90


class Survey:
    """What a pass with an `InputMeter` found.

    Args:
        meter: an `InputMeter`.
        batches: `LabelledBatches`.
        sample_size: how many examples to keep for whoever comes after.
        rtol: relative standard error at which to stop, or None.
        verbose: whether to show a progress bar.

    Attributes:
        norms: array `(examples,)`.
        estimates: array `(1 or 2, examples)`, whose mean `norms` are.
        indices: array `(examples,)`, places in the data.
        outputs: array `(examples, K)`.
        y: array with a row for each example, or None.
        squares: array `(d,)`, mean over the examples.
        deviations: array `(d,)`, of the inputs.
        input_range: smallest and largest input.
        shown: dict from an index to x, for the extreme examples.
        sample: list of batches x.
        underflows: whether a norm of 0 was a derivative too small to square.
    """

    def __init__(self, meter, batches, sample_size, rtol=None, verbose=0):
        self.shown, self.sample, self.underflows = {}, [], False
        self._zeros_seen = False
        self._moments = _Moments()
        bar = keras.utils.Progbar(batches.num_batches, unit_name="batch")
        parts, targets, total = [], [], 0.0
        for number, (x, y, indices) in enumerate(batches, start=1):
            outputs, point, squares = meter(x)
            estimates = squares.sum(-1)
            parts.append((estimates.T, indices, outputs))
            targets += [] if y is None else [y]
            total = total + squares.mean(0).sum(0)
            self._moments.add(point)
            self._keep_extremes(x, estimates.mean(0), indices)
            if sum(map(_length, self.sample)) < sample_size:
                self.sample.append(x)
            if (estimates == 0).any() and not self._zeros_seen:
                self._zeros_seen = True  # a second trace: once is enough
                self.underflows = _underflows(meter, x, estimates)
            if verbose:
                bar.update(number)
            if rtol is not None and _is_precise(parts, rtol):
                break
        if verbose:
            bar.update(number, finalize=True)
        estimates, self.indices, self.outputs = map(
            np.concatenate, zip(*parts, strict=True)
        )
        self.estimates = estimates.T
        self.norms = self.estimates.mean(0)
        self.y = np.concatenate(targets) if targets else None
        self.squares = total / len(self.norms)
        self.deviations = self._moments.deviations
        self.input_range = self._moments.low, self._moments.high

    def extremes(self):
        """Return the places in the survey of the largest and the smallest.

        Returns:
            Two integer arrays, each from the most extreme.
        """
        order = np.argsort(self.norms, kind="stable")
        order = order[np.isfinite(self.norms[order])]
        return order[::-1][:NUM_SHOWN], order[:NUM_SHOWN]

    def _keep_extremes(self, x, norms, indices):
        for row, (index, norm) in enumerate(zip(indices, norms, strict=True)):
            if math.isfinite(norm):
                self.shown[int(index)] = norm, x, row
        order = sorted(self.shown, key=lambda index: self.shown[index][0])
        for index in order[NUM_SHOWN:-NUM_SHOWN]:
            del self.shown[index]
        for index, (norm, batch, row) in self.shown.items():
            if batch is x:  # one row in place of its batch
                one = keras.tree.map_structure(
                    lambda leaf, row=row: keras.ops.convert_to_numpy(leaf[row]),
                    x,
                )
                self.shown[index] = norm, one, None

    def example(self, index):
        """Return x of one of the extreme examples.

        Args:
            index: its place in the data.

        Returns:
            Array or structure of arrays.
        """
        return self.shown[index][1]


class _Moments:
    """Mean and deviation of each input over batches, and their range."""

    def __init__(self):
        self._count, self._mean, self._sum = 0, 0.0, 0.0
        self.low, self.high = math.inf, -math.inf

    def add(self, rows):
        count, mean = len(rows), rows.mean(0)
        total = self._count + count
        shift = mean - self._mean
        self._sum = (
            self._sum
            + ((rows - mean) ** 2).sum(0)
            + shift**2 * (self._count * count / total)
        )
        self._mean = self._mean + shift * (count / total)
        self._count = total
        self.low = min(self.low, float(rows.min()))
        self.high = max(self.high, float(rows.max()))

    @property
    def deviations(self):
        return np.sqrt(self._sum / self._count)


def _underflows(meter, x, estimates):
    """Return whether a derivative of 0 is none when it is scaled up."""
    _, _, lifted = InputMeter(*meter.arguments, scale=_LIFT)(x)
    return bool((lifted.sum(-1)[estimates == 0] > 0).any())


def _is_precise(parts, rtol):
    norms = np.concatenate([estimates.mean(1) for estimates, _, _ in parts])
    error = norms.std(ddof=1) / math.sqrt(len(norms)) if len(norms) > 1 else 0
    return len(norms) >= _FEWEST_EXAMPLES and error <= rtol * norms.mean()


def _length(x):
    return len(keras.tree.flatten(x)[0])
