import collections
import itertools
import warnings

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from keras import ops

from keras_gc import datasets
from keras_gc.batches import batches_of, check_ends
from tests.modes import BACKEND

X = np.arange(14, dtype="float32").reshape(7, 2)


def rows(x, batch_size=3, **kwargs):
    """The batches as lists of arrays."""
    return [
        keras.tree.map_structure(
            lambda leaf: None if leaf is None else ops.convert_to_numpy(leaf),
            batch,
        )
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


class Foreign:
    """What Keras does not know but NumPy does: an image of PIL, say."""

    def __init__(self, array):
        self.__array_interface__ = array.__array_interface__
        self.array = array  # owns the memory


class Endless(Dataset):
    num_batches = None


@pytest.mark.parametrize(
    "make",
    [
        lambda: X,
        lambda: X.astype("float64"),
        lambda: ops.convert_to_tensor(X),
        lambda: pd.DataFrame(X),
        lambda: X.astype("longdouble"),
        lambda: X.astype(object),
        lambda: X.tolist(),
        lambda: [tuple(row) for row in X.tolist()],
        lambda: Foreign(X),
        lambda: pd.DataFrame({"a": X[:, 0].astype(int), "b": X[:, 1]}),
        lambda: Dataset(),
        lambda: (X[i : i + 3] for i in (0, 3, 6)),
        lambda: [(X[:3], 0), (X[3:6], 0), (X[6:], 0)],
        lambda: ((X[i : i + 3], None, None) for i in (0, 3, 6)),
        lambda: iter([[X[:3], 0], [X[3:6], 0], [X[6:], 0]]),
        lambda: iter([X[:3], X[:0], X[3:6], X[6:]]),
        lambda: iter([X[:3].tolist(), X[3:6].tolist(), [X[6].tolist()]]),
        lambda: iter([pd.DataFrame(X[:3]), X[3:6], (X[6:],)]),
    ],
    ids=[
        "array",
        "float64",
        "tensor",
        "pandas",
        "longdouble",
        "objects",
        "nested_lists",
        "lists_of_tuples",
        "array_interface",
        "mixed_columns",
        "PyDataset",
        "generator",
        "pairs",
        "triples",
        "lists",
        "with_an_empty_batch",
        "batches_of_nested_lists",
        "batches_of_many_kinds",
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


@pytest.mark.parametrize(
    "x",
    [None, 3, "words", "", b"words", rows, {"a": "word"}, {"a": rows}]
    + [datasets.load("digits")],
)
def test_what_is_no_data_raises(x):
    with pytest.raises(TypeError, match="`x` must be an array.*Received: x="):
        rows(x)


@pytest.mark.parametrize("x", [np.float32(3), np.array(3.0), iter([3.0, 4.0])])
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
        pd.Series(["1", "2"]),
        ["one", "two"],
        np.array(["2026-01-01"], "datetime64"),
        np.zeros(3, [("a", "f4"), ("b", "f4")]),
    ],
    ids=[
        "str",
        "object",
        "bytes",
        "DataFrame",
        "Series",
        "list",
        "dates",
        "records",
    ],
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


def test_none_stands_for_an_input_that_is_left_out():
    for left, right in rows([X, None]):
        assert left.shape[1] == 2
        assert right is None


def test_mappings_that_are_no_dict_are_dicts():
    batches = rows(collections.UserDict(a=X.tolist(), b=X))
    assert_is_x([batch["a"] for batch in batches])
    assert_is_x([batch["b"] for batch in batches])


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: iter([x]), tuple])
def test_a_dict_with_keys_of_two_types_raises(wrap):
    """Keras sorts the keys, on some backends with the words of Python."""
    x = {"a": X, 3: X}
    x = (x, X) if wrap is tuple else wrap(x)
    with pytest.raises(TypeError, match=r"of one type.*keys \['a', 3\]"):
        rows(x)


def test_rows_of_other_lengths_raise():
    with pytest.raises(ValueError, match="same length.*Received: x="):
        rows([[1.0, 2.0], [3.0]])
    with pytest.raises(ValueError, match=r"same number.*Received: \[2, 3\]"):
        rows(iter([([X[:2], X[:3]], 0)]))


def test_batches_of_more_than_three_parts_raise():
    with pytest.raises(ValueError, match="a tuple of 4 items"):
        rows(iter([(X, X, X, X)]))


def test_complex_numbers_raise():
    with pytest.raises(TypeError, match="real inputs.*complex"):
        rows(X.astype("complex64"))


@pytest.mark.skipif(BACKEND != "torch", reason="others have such tensors")
def test_a_dtype_that_the_backend_lacks_is_named():
    with pytest.raises(
        TypeError, match=r"no tensors of dtype uint64.*Received"
    ):
        rows(X.astype("uint64"))


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf, 1e300])
def test_rows_that_are_not_finite_are_counted_in_a_warning(broken):
    x = X.astype("float64")
    x[[1, 4], 0] = x[4, 1] = broken  # two rows, three values
    for data in (x, {"a": X, "b": x}, iter([x[:3], x[3:]])):
        with pytest.warns(UserWarning, match="2 of 7 examples.*NaN or inf"):
            list(batches_of(data, "float32", 3))


def test_the_warning_comes_also_where_the_rest_is_not_read():
    x = X.copy()
    x[0] = np.nan
    batches = batches_of(x, "float32", 3)
    next(batches)
    with pytest.warns(UserWarning, match="1 of 3 examples"):
        batches.close()


def test_finite_rows_give_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        rows([X, X.astype(int)])


# Data held against the model's inputs.

FLOAT = keras.Input((2,), name="float")
INT = keras.Input((2,), dtype="int32", name="int")
COLUMN = keras.Input((1,), name="column")
IMAGE = keras.Input((4, 4, 3), name="image")
ANY = keras.Input((None, 3), name="any")


def dtypes(x, inputs):
    (batch,) = batches_of(x, "float16", 7, inputs=inputs)
    return keras.tree.map_structure(
        lambda leaf: keras.backend.standardize_dtype(leaf.dtype), batch
    )


@pytest.mark.parametrize(
    "dtype", "uint8 int8 int64 uint64 bool float16 float64 longdouble".split()
)
def test_each_array_gets_the_dtype_of_its_input(dtype):
    x = np.ones((7, 2), dtype)
    assert dtypes(x, [FLOAT]) == "float32"
    assert dtypes(x, [INT]) == "int32"
    assert dtypes([x, x], [FLOAT, INT]) == ["float32", "int32"]
    expected = {"int": "int32", "float": "float32"}
    assert dtypes({"int": x, "float": x}, [FLOAT, INT]) == expected
    names = {"a": INT, "b": FLOAT}  # the model's own, not those of its inputs
    assert dtypes({"b": x, "a": x}, names) == {"a": "int32", "b": "float32"}
    tensor = ops.convert_to_tensor(np.ones((7, 2), "int32"))
    assert dtypes(tensor, [FLOAT]) == "float32"


def test_an_array_without_an_input_is_cast_only_if_it_is_real():
    x = {"float": X, "int": X, "more": X, "count": X.astype("int32")}
    expected = {"float": "float32", "int": "int32"}
    expected |= {"more": "float16", "count": "int32"}
    assert dtypes(x, [FLOAT, INT]) == expected


@pytest.mark.parametrize(
    "x", [X[:, 0], pd.Series(X[:, 0]), X[:, 0].tolist(), X[:, :1, None]]
)
def test_a_column_is_one_feature(x):
    (batch,) = rows(x, 7, inputs=[COLUMN])
    np.testing.assert_array_equal(batch, X[:, :1])


def test_a_list_of_images_is_told_to_be_stacked():
    images = [np.zeros((4, 4, 3), "uint8")] * 5
    assert rows(np.stack(images), 5, inputs=[IMAGE])[0].shape == (5, 4, 4, 3)
    for x in (images, [Foreign(image) for image in images]):
        with pytest.raises(ValueError, match=r"numpy.stack\(x\).*5 arrays"):
            rows(x, inputs=[IMAGE])


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (X, "Received: one array"),
        ([X], "Received: a list of 1 arrays"),
        ((X, X, X), "Received: a tuple of 3 arrays"),
        ({"float": X}, r"Received: arrays for \['float'\]"),
        (iter([X]), "Received: one array"),
        (iter([({"int": X}, 0)]), r"Received: arrays for \['int'\]"),
    ],
)
def test_each_input_needs_an_array(x, words):
    match = rf"which has 2: \['float', 'int'\]. Give a list.*{words}"
    with pytest.raises(ValueError, match=match):
        rows(x, inputs=[FLOAT, INT])


def test_an_only_input_may_have_any_name():
    assert dtypes({"other": X}, [INT]) == {"other": "int32"}
    assert dtypes([X], [INT]) == ["int32"]


def test_a_list_of_batches_is_told_to_be_an_iterator():
    with pytest.raises(ValueError, match=r"`iter\(x\)`. Received: a list of 2"):
        rows([X[:3], X[3:]], inputs=[FLOAT])


def test_data_with_labels_are_told_to_leave_them():
    with pytest.raises(ValueError, match=r"`\(x, y\)` give x alone.*a tuple"):
        rows((X, np.zeros(7)), inputs=[FLOAT])
    assert_is_x([left for left, _ in rows((X, X), inputs=[FLOAT, INT])])


@pytest.mark.parametrize(
    ("x", "reference"),
    [
        (X[0], FLOAT),
        (X[0].tolist(), FLOAT),
        (iter(X), FLOAT),
        (np.zeros((4, 4, 3)), IMAGE),
        (np.zeros((5, 3)), ANY),
    ],
)
def test_examples_without_an_axis_of_examples_raise(x, reference):
    with pytest.raises(ValueError, match=r"x\[None\].*batch.*Received: shape"):
        rows(x, inputs=[reference])


@pytest.mark.parametrize(
    ("x", "reference"),
    [
        (np.zeros((7, 3)), FLOAT),
        (np.zeros((7, 3, 4, 4)), IMAGE),
        (np.zeros((7, 2, 4)), ANY),
        (np.zeros((7, 2, 2)), FLOAT),
        (iter([np.zeros((7, 3))]), FLOAT),
    ],
)
def test_other_shapes_than_the_input_takes_raise(x, reference):
    match = (
        rf"'{reference.name}' takes batches of shape \(None.*Received: shape"
    )
    with pytest.raises(ValueError, match=match):
        rows(x, inputs=[reference])


def test_axes_of_any_size_take_any_size():
    assert rows(np.zeros((7, 5, 3)), 7, inputs=[ANY])[0].shape == (7, 5, 3)


def test_data_without_an_end_are_refused():
    with pytest.raises(ValueError, match=r"never ends.*rtol=0.01.*: x="):
        check_ends(Endless())
    for x in (X, Dataset(), iter([X]), [X, X], None):
        check_ends(x)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's data")
def test_tf_data_without_an_end_are_refused():
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices(X).batch(3)
    with pytest.raises(ValueError, match="never ends"):
        check_ends(data.repeat())
    for end in (data, data.repeat().take(2), data.filter(lambda batch: True)):
        check_ends(end)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's strings")
def test_strings_pass_to_an_input_of_strings():
    import tensorflow as tf

    words = keras.Input((1,), dtype="string")
    for x in (np.array([["a"], ["b"]]), tf.constant([["a"], ["b"]])):
        (batch,) = batches_of(x, "float32", 7, inputs=[words])
        assert batch.dtype == tf.string
    with pytest.raises(TypeError, match="dtype string"):
        rows(tf.constant([["a"], ["b"]]))


@pytest.mark.skipif(BACKEND == "torch", reason="its own tensors")
def test_tensors_of_torch_are_arrays():
    import torch

    assert_is_x(rows(torch.tensor(X, requires_grad=True)))


@pytest.mark.parametrize("shuffle", [False, True])
def test_files_are_read_by_slices(tmp_path, shuffle):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"] = X
        batches = np.concatenate(rows(file["x"], shuffle=shuffle, seed=0))
    np.testing.assert_array_equal(batches[batches[:, 0].argsort()], X)
