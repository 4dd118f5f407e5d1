"""Properties that are computed once, by threads that do not wait for one another."""

from threading import Event, Thread

import pytest
from sesgame.cached import cached_property

SECONDS = 30
"""In which a thread has certainly gone on."""


class Kept:
    """An object whose property is computed when `go` is set."""

    def __init__(self, go):
        self.go, self.begun, self.calls = go, Event(), 0

    @cached_property
    def value(self):
        self.calls += 1
        self.begun.set()
        self.go.wait(SECONDS)
        return object()


def ready():
    event = Event()
    event.set()
    return event


def test_it_is_computed_once():
    kept = Kept(ready())
    assert kept.value is kept.value
    assert kept.calls == 1
    assert isinstance(Kept.value, cached_property)


def test_a_failure_is_not_kept():
    class Failing:
        @cached_property
        def value(self):
            raise ValueError("not yet")

    failing = Failing()
    for _ in range(2):
        with pytest.raises(ValueError, match="not yet"):
            _ = failing.value


def test_no_object_waits_for_another():
    slow, quick = Kept(Event()), Kept(ready())
    thread = Thread(target=lambda: slow.value)
    thread.start()
    assert slow.begun.wait(SECONDS)
    other = Thread(target=lambda: quick.value, daemon=True)
    other.start()
    other.join(SECONDS)
    is_free = not other.is_alive()
    slow.go.set()
    thread.join(SECONDS)
    assert is_free


def test_two_that_ask_at_once_get_the_same():
    kept, found = Kept(Event()), []
    threads = [Thread(target=lambda: found.append(kept.value)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert kept.begun.wait(SECONDS)
    kept.go.set()
    for thread in threads:
        thread.join(SECONDS)
    assert found[0] is found[1] is kept.value
