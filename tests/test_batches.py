import itertools

import keras
import numpy as np
import pandas as pd
import pytest
from keras import ops

from keras_gc.batches import batches_of
from tests.modes import BACKEND

X = np.arange(14, dtype="float32").reshape(7, 2)


def rows(x, batch_size=3, **kwargs):
    """The batches as lists of arrays."""
    return [
        keras.tree.map_structure(ops.convert_to_numpy, batch)
        for batch in batches_of(x, "float32", batch_size, **kwargs)
    ]


def assert_is_x(batches, sizes=(3, 3, 1)):
    assert tuple(map(len, batches)) == sizes
    np.testing.assert_array_equal(np.concatenate(batches), X)


class Dataset(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return X[3 * index : 3 * index + 3], np.zeros(3)


class Endless(Dataset):
    num_batches = None


@pytest.mark.parametrize(
    "make",
    [
        lambda: X,
        lambda: X.astype("float64"),
        lambda: ops.convert_to_tensor(X),
        lambda: pd.DataFrame(X),
        lambda: Dataset(),
        lambda: (X[i : i + 3] for i in (0, 3, 6)),
        lambda: [(X[:3], 0), (X[3:6], 0), (X[6:], 0)],
        lambda: ((X[i : i + 3], None, None) for i in (0, 3, 6)),
        lambda: iter([[X[:3], 0], [X[3:6], 0], [X[6:], 0]]),
        lambda: iter([X[:3], X[:0], X[3:6], X[6:]]),
    ],
    ids=[
        "array",
        "float64",
        "tensor",
        "pandas",
        "PyDataset",
        "generator",
        "pairs",
        "triples",
        "lists",
        "with_an_empty_batch",
    ],
)
def test_all_kinds_of_data_give_the_same_batches(make):
    assert_is_x(rows(make()))


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's data")
def test_tf_data():
    import tensorflow as tf

    assert_is_x(rows(tf.data.Dataset.from_tensor_slices(X).batch(3)))
    pairs = tf.data.Dataset.from_tensor_slices((X, np.zeros(7))).batch(3)
    assert_is_x(rows(pairs))


@pytest.mark.skipif(BACKEND != "torch", reason="torch's data")
def test_torch_data_loader():
    import torch

    pairs = torch.utils.data.TensorDataset(torch.tensor(X), torch.zeros(7))
    assert_is_x(rows(torch.utils.data.DataLoader(pairs, batch_size=3)))


@pytest.mark.parametrize("structure", [list, tuple])
def test_several_inputs(structure):
    batches = rows(structure([X, -X]))
    assert_is_x([batch[0] for batch in batches])
    assert_is_x([-batch[1] for batch in batches])


def test_dict_of_inputs():
    frame = pd.DataFrame(-X)
    batches = rows({"a": X, "b": frame})
    assert_is_x([batch["a"] for batch in batches])
    assert_is_x([-batch["b"] for batch in batches])


def test_real_numbers_are_cast_and_others_are_not():
    batch, *_ = batches_of(
        [X.astype("float64"), np.ones((7, 2), "int32")], "float16", 7
    )
    dtypes = [keras.backend.standardize_dtype(leaf.dtype) for leaf in batch]
    assert dtypes == ["float16", "int32"]


def test_shuffled_arrays_are_a_permutation_that_the_seed_repeats():
    first, again, other = (
        np.concatenate(rows(X, shuffle=True, seed=seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(first[first[:, 0].argsort()], X)


def test_shuffled_inputs_stay_together():
    for left, right in rows([X, -X], shuffle=True, seed=0):
        np.testing.assert_array_equal(left, -right)


def test_endless_dataset_is_read_as_it_is_needed():
    batches = batches_of(Endless(), "float32", 3)
    assert len(list(itertools.islice(batches, 2))) == 2


@pytest.mark.parametrize("x", [X[:0], [], {}, iter([]), iter([X[:0]])])
def test_no_data_raises(x):
    with pytest.raises(ValueError, match="at least one example"):
        rows(x)


@pytest.mark.parametrize("x", [None, 3, "words", b"words", rows])
def test_what_is_no_data_raises(x):
    with pytest.raises(TypeError, match="`x` must be an array.*Received: x="):
        rows(x)


@pytest.mark.parametrize("x", [np.float32(3), np.array(3.0), X.tolist()])
def test_scalars_raise(x):
    with pytest.raises(ValueError, match="one row per example.*a scalar"):
        rows(x)


@pytest.mark.parametrize(
    "x",
    [
        np.array([["a", "b"]]),
        np.array([["a", 1]], dtype=object),
        iter([np.array([b"a"])]),
        pd.DataFrame({"a": ["word"]}),
    ],
    ids=["str", "object", "bytes", "pandas"],
)
def test_strings_raise(x):
    with pytest.raises(TypeError, match=r"floating point inputs.*inputs='NAME"):
        rows(x)


def sparse_kinds():
    import scipy.sparse

    kinds = {"scipy": scipy.sparse.csr_matrix(X)}
    if BACKEND == "tensorflow":
        import tensorflow as tf

        kinds["ragged"] = tf.ragged.constant([[1.0, 2.0], [1.0]])
        kinds["sparse"] = tf.sparse.from_dense(X)
    if BACKEND == "torch":
        import torch

        kinds["coo"] = torch.tensor(X).to_sparse()
        kinds["csr"] = torch.tensor(X).to_sparse_csr()
    if BACKEND == "jax":
        from jax.experimental import sparse

        kinds["bcoo"] = sparse.BCOO.fromdense(X)
    return kinds


@pytest.mark.parametrize("kind", sparse_kinds())
def test_ragged_and_sparse_tensors_raise(kind):
    x = sparse_kinds()[kind]
    for data in (x, iter([x])):
        with pytest.raises(TypeError, match="dense inputs.*to_tensor"):
            rows(data)


def test_lengths_that_differ_raise():
    with pytest.raises(ValueError, match=r"same number.*Received: \[4, 7\]"):
        rows([X, X[:4]])


@pytest.mark.parametrize(
    ("batch_size", "error"), [(0, ValueError), (2.5, TypeError)]
)
def test_batch_size_is_checked(batch_size, error):
    with pytest.raises(error, match="`batch_size` must be an int >= 1"):
        rows(X, batch_size)
