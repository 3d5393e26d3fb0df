"""Values that nobody should pass, and some that are right."""

import collections
import datetime
import decimal
import fractions
import pathlib

import keras
import numpy as np
import pandas as pd

NUMBERS = (
    0, 1, 2, 3, -1, 7, 10**12, -(10**400), 2**31, 2**32, 0.0, 0.5, -0.5, 1.0,
    1e-300, 1e300, float("nan"), float("inf"), -float("inf"), True, False, 1j,
    np.int8(3), np.uint64(2**63), np.float16(0.5), np.float64("nan"),
    np.bool_(True), fractions.Fraction(1, 3), decimal.Decimal("0.5"),
)  # fmt: skip
WORDS = (
    "", "auto", "sphere", "rademacher", "gaussian", "exact_reverse",
    "Hutchinson", "sampled_outputs", "jvp", "vjp", "reverse", "forward", "sam",
    "SAM", "embedding", "x", "digits", "nonsense",
    "None", "0.1", "ä\n\x00", "a" * 5000, "../..", "{}",
)  # fmt: skip
DTYPES = (
    "float32", "float64", "float16", "longdouble", "int8", "uint8", "int64",
    "uint64", "bool", "complex64", "str", "bytes", "object", "datetime64[s]",
    "timedelta64[s]", "f4,i4",
)  # fmt: skip
SHAPES = (
    (), (0,), (1,), (4,), (6,), (0, 4), (1, 4), (6, 4), (6, 5), (6, 0), (6, 1),
    (6, 4, 1), (1, 1, 1, 1), (6, 2, 2), (2, 6, 4),
)  # fmt: skip


class Odd:
    """An object that has nothing to do with numbers."""

    def __len__(self):
        return 3


class Lies:
    """It looks like an array, and is none."""

    shape = (6, 4)
    dtype = "float32"


def pick(rng, options):
    return options[int(rng.integers(len(options)))]


def array(rng):
    """An array of any dtype and shape, sometimes with NaN."""
    if rng.random() < 0.3:
        return rng.normal(size=(6, 4))
    dtype, shape = pick(rng, DTYPES), pick(rng, SHAPES)
    if dtype == "object":
        choices = (1, 0.5, None, "a", [1, 2], Odd())
        values = np.empty(shape, dtype=object)
        for index in np.ndindex(shape):
            values[index] = pick(rng, choices)
        return values
    values = rng.normal(scale=pick(rng, (1, 100, 1e300)), size=shape)
    if rng.random() < 0.3:
        values = np.where(rng.random(shape) < 0.2, np.nan, values)
    with np.errstate(all="ignore"):
        if dtype == "f4,i4":
            return np.zeros(shape, dtype)
        if "time" in dtype:
            return np.nan_to_num(values * 0).astype("int64").astype(dtype)
        return np.asarray(values).astype(dtype)


def structure(rng, depth=0):
    """Arrays and other things in lists, tuples, dicts, iterators."""
    kind = int(rng.integers(10)) if depth < 3 else 0
    size = int(rng.integers(4))
    if kind < 3:
        return array(rng)
    if kind == 3:
        return anything(rng)
    if kind == 4:
        return [structure(rng, depth + 1) for _ in range(size)]
    if kind == 5:
        return tuple(structure(rng, depth + 1) for _ in range(size))
    if kind == 6:
        names = ("x", "y", "input_ids", "a", "", 3)
        return {
            pick(rng, names): structure(rng, depth + 1) for _ in range(size)
        }
    if kind == 7:
        return iter([structure(rng, depth + 1) for _ in range(size)])
    if kind == 8:
        return array(rng).tolist()
    return table(rng)


def table(rng):
    """A DataFrame or Series with columns of any kind."""
    columns = {
        "real": [0.5, 1.5, float("nan")],
        "whole": [1, 2, 3],
        "flag": [True, False, True],
        "word": ["a", "b", "c"],
        "gap": pd.array([1, None, 3], dtype="Int64"),
        "class": pd.Categorical(["a", "b", "a"]),
        "time": pd.to_datetime(["2026-01-01"] * 3),
        "mixed": [1, "a", None],
    }
    names = list(rng.permutation(list(columns))[: int(rng.integers(1, 6))])
    frame = pd.DataFrame({name: columns[name] for name in names})
    return frame if rng.random() < 0.7 else frame[names[0]]


def anything(rng):
    """A number, word, array, object, function, class, layer, ..."""
    if rng.random() < 0.45:
        return pick(rng, NUMBERS)
    if rng.random() < 0.35:
        return pick(rng, WORDS)
    others = (
        lambda: None,
        lambda: array(rng),
        lambda: table(rng),
        lambda: [],
        lambda: {},
        lambda: {1, 2},
        lambda: range(3),
        lambda: b"bytes",
        lambda: Odd(),
        lambda: Odd,
        lambda: Lies(),
        lambda: len,
        lambda: lambda step: "word",
        lambda: lambda: 1,
        lambda: slice(3),
        lambda: Ellipsis,
        lambda: NotImplemented,
        lambda: ValueError("an error"),
        lambda: datetime.datetime(2026, 1, 1),
        lambda: pathlib.Path("nowhere"),
        lambda: collections.Counter("abc"),
        lambda: collections.namedtuple("Pair", "a b")(1, 2),
        lambda: keras.layers.Dense(3),
        lambda: keras.Input((4,)),
        lambda: keras.losses.MeanSquaredError(),
        lambda: keras.optimizers.schedules.CosineDecay(0.1, 10),
        lambda: {"class_name": "Hutchinson", "config": {"num_probes": -1}},
        lambda: {"class_name": 3},
        lambda: [3, "a", None],
    )
    return pick(rng, others)()


def arguments(rng, names, share=0.5):
    """A call's keyword arguments: some names, each with anything."""
    return {name: anything(rng) for name in names if rng.random() < share}
