"""Properties that are computed once, and keep nobody waiting.

Until Python 3.11 `functools.cached_property` has a lock, one for all objects of a class. Threads
that settle different communities wait for one another at it, and a process that is forked while a
thread holds it waits for ever. Later versions have none, and neither has this one: two threads that
ask at once compute the same twice, and both get what was kept first.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

__all__ = ["cached_property"]

if TYPE_CHECKING:
    from functools import cached_property
else:

    class cached_property(functools.cached_property):  # noqa: N801 # as Python calls it
        """What a method returns, computed when it is first asked for, and kept in the object."""

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            """Return what is kept, or compute it; of the class the property itself."""
            if instance is None:
                return self
            return vars(instance).setdefault(self.attrname, self.func(instance))
