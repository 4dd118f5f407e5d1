"""Separation problem: the interface of what finds the coalition with the largest excess.

A protocol, so that whatever makes games can offer an oracle without knowing who will ask it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["SeparationOracle"]


class SeparationOracle(Protocol):
    """What :func:`sesgame.least_core` and :func:`sesgame.nucleolus` ask of an oracle.

    Attributes
    ----------
    most_violated : callable
        ``most_violated(allocation, count)`` returns ``(coalitions, values)`` or ``(coalitions,
        values, bound)``: at most about `count` of the proper, non-empty coalitions of largest
        excess at `allocation` (float, shape (n,), in player order and in the sense of the game).
        `coalitions` is a bool array of shape (m, n) or a list of collections of labels, `values`
        has shape (m,), and `bound` is a proved upper bound on the excess of *every* coalition
        that was asked for. No coalitions, or None, say that none has an excess above `level`.

        It is also told, by keyword, whatever of these it has an argument for: ``level``, the
        excess that is known to be attained, so that a search may stop at the first coalition
        above it or when its bound falls to it; ``outside``, None or an integer array z of shape
        (m, n): only coalitions S with ``z @ S`` not all zero are asked for; ``max_seconds``,
        what is left of the time. The nucleolus needs an oracle that takes ``outside``.
    exact : bool, optional
        True promises that each answer without `bound` contains the coalition of largest excess of
        all that were asked for. False, or no attribute: the oracle is a heuristic, and what it
        does not find proves nothing.
    kind : {"gain", "cost"}, optional
        The sense of the game; needed where players are given and not a game.
    value : callable, optional
        ``value(membership)`` returns the values of the coalitions in the rows of a bool array of
        shape (m, n); needed where players are given and not a game.
    core_allocation : array_like of float, shape (n,), optional
        An allocation at which no excess is known to be positive, if there is one, or None. The
        least core is then approached from there, in far fewer questions. It is not relied on.
    """

    @property
    def most_violated(self) -> Callable[..., Any]:
        """What names the coalitions of largest excess."""
