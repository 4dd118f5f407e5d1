"""Sums of which no part is seen: masks of pairs of agents that cancel.

Each pair of agents has a secret in common. From it and the number of the message both derive the
same words of 64 bits; one adds them to what it sends, the other subtracts them. What an agent sends
looks like noise, and the sum over all agents is that of what they meant, modulo 2^64.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.energy.agents.agent import weight_of
from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments, checked_fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.agents.agent import Agent

__all__ = ["ENERGY_UNIT", "MaskedAgent", "masking_secrets", "summed_energy", "summed_squares"]

ENERGY_UNIT = 1e-6
"""In kWh: energy is sent as whole numbers of it."""

SQUARE_UNITS = (1e-12, 1e-12, 1e-3, 1e-3)
"""In kWh²: of the squares of both residuals, of what is exchanged and of what is balanced."""

MOST_UNITS = 2.0**52
"""Of one agent: sums of 2^10 of them are still told from noise."""

SECRET_BYTES = 32


@checked_arguments
def masking_secrets(labels: Iterable[Hashable]) -> dict[Hashable, dict[Hashable, bytes]]:
    """Return for each agent the secrets that it shares with each of the others.

    Whoever calls this knows all secrets, so it must not be the coordinator: somebody whom the
    members trust hands each its own part, or the pairs agree by themselves.

    Parameters
    ----------
    labels : iterable of hashable
        The n agents, at least two, each once.

    Raises
    ------
    GameError
        There are fewer than two, or one is there twice.

    Examples
    --------
    >>> found = masking_secrets(["ann", "bob", "grid"])
    >>> found["ann"]["bob"] == found["bob"]["ann"], len(found["ann"])
    (True, 2)
    """
    if isinstance(labels, (str, bytes)) or not isinstance(labels, Iterable):
        raise GameError(f"labels must be a list of labels, got {named(labels)}")
    agents = list(labels)
    if not all(isinstance(label, Hashable) for label in agents):
        raise GameError(f"labels must be hashable, got {agents!r}")
    if len(set(agents)) < len(agents) or len(agents) < 2:
        raise GameError(f"masks are for two agents or more, each once, got {agents!r}")
    found: dict[Hashable, dict[Hashable, bytes]] = {label: {} for label in agents}
    for number, one in enumerate(agents):
        for other in agents[number + 1 :]:
            found[one][other] = found[other][one] = secrets.token_bytes(SECRET_BYTES)
    return found


@checked_fields
class MaskedAgent(ByValue):
    """An agent that sends only masked words, and works out its targets by itself.

    It lives where its agent lives; a coordinator sees its messages, or asks a proxy for them.

    Parameters
    ----------
    label : hashable
        Its own.
    agent : Agent
        Who answers.
    shared : mapping of label to bytes
        The secret that it shares with each of all other agents (:func:`masking_secrets`).
    relaxation : float, default 1
        As in :func:`clear_by_agents`, the same for all.

    Raises
    ------
    GameError
        A secret is not of at least 16 bytes, or there is none; the relaxation is out of its range.

    Notes
    -----
    Each message has new masks: their words are SHAKE-256 of the secret and the number of the
    message, which an agent counts by itself, over all clearings in which it takes part. So all
    agents have to begin together, and to be replaced together; a copy that goes on by itself would
    send other things under the same masks, whose difference then shows. The pairwise masks are
    those of secure aggregation [bonawitz2017]_, without its shares for agents that drop out.

    Examples
    --------
    >>> import numpy as np
    >>> import sesgame as sg
    >>> shared = sg.energy.masking_secrets(["ann", "grid"])
    >>> ann = sg.energy.MemberAgent(["2016-06-01T12:00", "2016-06-01T13:00"], load_kwh=[1, 3])
    >>> grid = sg.energy.GridAgent([0.3, 0.3], [0.1, 0.1])
    >>> agents = [
    ...     sg.energy.MaskedAgent("ann", ann, shared["ann"]),
    ...     sg.energy.MaskedAgent("grid", grid, shared["grid"]),
    ... ]
    >>> words = sum(agent.masked_exchange(np.full(2, 3.0), 0.1) for agent in agents)
    >>> words.view(np.int64).tolist()  # what Ann draws, in 1e-6 kWh: the grid feeds in nothing
    [1000000, 3000000]
    """

    def __init__(
        self,
        label: Hashable,
        agent: Agent,
        shared: Mapping[Hashable, bytes],
        *,
        relaxation: float = 1.0,
    ) -> None:
        if not isinstance(shared, Mapping) or not shared:
            raise GameError(f"{label!r} shares no secrets with others, got {shared!r}")
        for other, secret in shared.items():
            if not isinstance(secret, bytes) or len(secret) < 16:
                raise GameError(
                    f"the secret of {label!r} and {other!r} must be at least 16 bytes, got "
                    f"{type(secret).__name__}"
                )
        if not callable(getattr(agent, "respond", None)):
            raise GameError(f"{label!r} must be an agent with respond(target, rho), got {agent!r}")
        if not 0 < relaxation < 2:
            raise GameError(f"relaxation must be above 0 and below 2, got {relaxation}")
        self.label = label
        self.weight = weight_of(label, agent)
        self.is_convex = getattr(agent, "is_convex", True)
        self.price_scale = getattr(agent, "price_scale", math.nan)
        self._agent = agent
        self._shared = dict(shared)
        self._relaxation = relaxation
        self._message = 0
        self._balanced: NDArray[np.float64] | None = None
        self._asked: tuple[NDArray[np.float64], float] | None = None

    def masked_exchange(self, scaled_price: NDArray[np.float64], rho: float) -> NDArray[np.uint64]:
        """Return what the agent exchanges at a price, in 1e-6 kWh and masked, shape (T,).

        Parameters
        ----------
        scaled_price : ndarray of float, shape (T,)
            The price over rho, in kWh.
        rho : float
            That of an agent of weight 1.
        """
        price = np.asarray(scaled_price, dtype=np.float64)
        if self._balanced is None or self._balanced.shape != price.shape:
            self._balanced = np.zeros(price.shape)
        target = self._balanced - self.weight * price
        answer = self._agent.respond(target, rho / self.weight)
        result = getattr(answer, "result", None)
        exchange = np.asarray(result() if callable(result) else answer, dtype=np.float64)
        if exchange.shape != price.shape or not np.isfinite(exchange).all():
            raise ValueError(f"{self.label!r} answered no finite numbers of shape {price.shape}")
        # From here on what is sent is what is meant, to the last digit.
        relaxed = self._relaxation * exchange + (1.0 - self._relaxation) * self._balanced
        units = np.rint(relaxed / ENERGY_UNIT)
        self._asked = (target, rho / self.weight)
        self._exchange, self._relaxed = exchange, units * ENERGY_UNIT
        return self._masked(units)

    def masked_squares(self, imbalance: NDArray[np.float64]) -> NDArray[np.uint64]:
        """Take what is out of balance for a weight of 1, and return masked sums of squares.

        Of both residuals, of what is exchanged, and of what is balanced; shape (4,).
        """
        assert self._balanced is not None, "the exchange is asked for first"
        before, self._balanced = self._balanced, self._relaxed - self.weight * imbalance
        squares = [
            float(((one - other) ** 2).sum()) / self.weight
            for one, other in (
                (self._exchange, self._balanced),
                (self._balanced, before),
                (self._exchange, np.zeros(())),
                (self._balanced, np.zeros(())),
            )
        ]
        units = [
            min(each / unit, MOST_UNITS) for each, unit in zip(squares, SQUARE_UNITS, strict=True)
        ]
        return self._masked(np.rint(units))

    def bill(self, price: NDArray[np.float64]) -> tuple[float, float]:
        """Return what the agent pays for its last exchange, and its own cost beside that."""
        assert self._asked is not None, "the exchange is asked for first"
        own = getattr(self._agent, "own_cost", None)
        cost = 0.0 if own is None else own(*self._asked)
        result = getattr(cost, "result", None)
        cost = float(result() if callable(result) else cost)
        return float((np.asarray(price) * self._exchange).sum()), cost

    def _masked(self, units: NDArray[np.float64]) -> NDArray[np.uint64]:
        if np.abs(units).max(initial=0.0) > MOST_UNITS:
            raise ValueError(
                f"{self.label!r} exchanges more than {MOST_UNITS * ENERGY_UNIT:g} kWh in a step, "
                f"which masked words do not hold"
            )
        self._message += 1
        words: NDArray[np.uint64] = units.astype(np.int64).view(np.uint64).copy()
        for other, secret in self._shared.items():
            mask = _words(secret, self._message, len(words))
            if _is_first(self.label, other):
                words += mask
            else:
                words -= mask
        return words


def _is_first(one: Hashable, other: Hashable) -> bool:
    """Return which of a pair adds; both have to say the same."""
    return (type(one).__name__, repr(one)) < (type(other).__name__, repr(other))


def _words(secret: bytes, message: int, count: int) -> NDArray[np.uint64]:
    text = secret + message.to_bytes(8, "little")
    return np.frombuffer(hashlib.shake_256(text).digest(8 * count), dtype="<u8").astype(np.uint64)


def summed_energy(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return what all masked words of an exchange add up to, in kWh."""
    return words.view(np.int64).astype(np.float64) * ENERGY_UNIT


def summed_squares(words: NDArray[np.uint64]) -> tuple[float, ...]:
    """Return what all masked words of squares add up to, in kWh²."""
    signed = words.view(np.int64).tolist()
    return tuple(each * unit for each, unit in zip(signed, SQUARE_UNITS, strict=True))


def sums_to(words: Iterable[Any], count: int) -> NDArray[np.uint64]:
    """Return the sum of masked words modulo 2^64."""
    total = np.zeros(count, dtype=np.uint64)
    for each in words:
        total += np.asarray(each, dtype=np.uint64)
    return total
