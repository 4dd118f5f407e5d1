"""Every public class travels, is copied and is compared by value, and so do games of every make."""

import copy
import pickle

import pytest
from fixtures.public_objects import games, objects, public_classes

CLASSES = public_classes()
GAMES = games()
joblib = pytest.importorskip("joblib")


def same(one, other):
    if isinstance(one, BaseException):
        return type(one) is type(other) and vars(one) == vars(other) and str(one) == str(other)
    return type(one) is type(other) and one == other


def instance(kind):
    found = objects()
    made = [found[each] for each in found if issubclass(each, kind)]
    assert made, f"no object of {kind.__name__} is made in fixtures.public_objects"
    return found.get(kind, made[0])


@pytest.mark.parametrize("name", CLASSES)
def test_an_object_of_every_public_class_travels(name):
    here = instance(CLASSES[name])
    there = pickle.loads(pickle.dumps(here))
    assert same(here, there)
    assert joblib.hash(here) == joblib.hash(there)


@pytest.mark.parametrize("name", CLASSES)
def test_an_object_of_every_public_class_is_copied(name):
    here = instance(CLASSES[name])
    assert same(here, copy.deepcopy(here))
    assert same(here, copy.copy(here))


@pytest.mark.parametrize("name", CLASSES)
def test_comparing_an_object_of_every_public_class_is_true_or_false(name):
    here = instance(CLASSES[name])
    assert (here == object()) is False
    assert (here != here) is False
    if not isinstance(here, BaseException) and getattr(type(here), "__hash__", None):
        assert hash(here) == hash(copy.deepcopy(here))


@pytest.mark.parametrize("make", GAMES)
def test_a_game_of_every_make_travels(make):
    here = GAMES[make]
    there = pickle.loads(pickle.dumps(here))
    assert there == here
    assert there.players == here.players
    assert there.kind == here.kind
    assert there.rounding == here.rounding
    assert repr(there) == repr(here)
    assert joblib.hash(there) == joblib.hash(here)
    everybody = list(here.players)
    for coalition in ([], everybody[:1], everybody[1:], everybody):
        assert there.value(coalition) == here.value(coalition)
