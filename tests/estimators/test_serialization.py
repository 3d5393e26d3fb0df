import inspect
import re

import pytest

from keras_gc import estimators
from tests.cases import ESTIMATORS

EXPORTED = [
    value
    for value in vars(estimators).values()
    if inspect.isclass(value)
    and issubclass(value, estimators.Estimator)
    and value is not estimators.Estimator
]


def test_every_estimator_has_rows_that_the_tests_run_through():
    assert len(EXPORTED) >= 5
    assert {type(make()) for make in ESTIMATORS.values()} == set(EXPORTED)


@pytest.mark.parametrize("cls", EXPORTED)
def test_get_by_name_and_class(cls):
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
    assert f'`"{name}"`' in estimators.get.__doc__
    assert type(estimators.get(name)) is cls
    assert type(estimators.get(cls)) is cls
    assert estimators.get(name) is not estimators.get(name)


def test_get_returns_an_instance_as_it_is():
    estimator = estimators.Hutchinson(3)
    assert estimators.get(estimator) is estimator


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"'exact_forward'.*'sampled_outputs'"):
        estimators.get("nope")


@pytest.mark.parametrize("identifier", ["a" * 5000, ["a" * 5000]])
def test_what_is_long_is_not_printed_whole(identifier):
    with pytest.raises((TypeError, ValueError), match=r"a{50}\.\.\.") as caught:
        estimators.get(identifier)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "config",
    [
        {"class_name": "Hutchinson", "config": {}},
        {
            "module": "keras_gc",
            "class_name": "Hutchinson",
            "config": {"num_probes": -1},
            "registered_name": "keras_gc>Hutchinson",
        },
    ],
    ids=["no module", "wrong argument"],
)
def test_a_config_that_keras_cannot_read_is_told(config):
    with pytest.raises(ValueError, match="The config of an estimator must be"):
        estimators.get(config)


@pytest.mark.parametrize(
    "identifier", [None, 3, int, ["hutchinson"], {}, {"class_name": 3}]
)
def test_other_types_raise(identifier):
    with pytest.raises(TypeError, match="An estimator must be a name"):
        estimators.get(identifier)
