"""What a network market is made of: orders, lines and links, and what is allowed in each."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from sesgame.errors import CoalitionError, GameError
from sesgame.markets.market import LOAD
from sesgame.markets.steps import numbers, refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.players import Players

__all__ = [
    "Line",
    "Link",
    "NetworkOrder",
    "bus_index",
    "elements",
    "line_of",
    "link_of",
    "loads_at",
    "order_of",
    "power_at",
]

Element = TypeVar("Element")


class NetworkOrder(NamedTuple):
    """One step of an offer or a bid at a bus, for one hour.

    An order that must run is accepted as a whole, whatever the prices are.
    """

    participant: Hashable
    bus: Hashable
    side: str
    price_per_mwh: float
    quantity_mw: float
    must_run: bool = False


class Line(NamedTuple):
    """A line between two buses, whose flow angles make.

    The flow is the difference of the angles at its ends over its reactance, minus `shift_mw`. So
    only the ratios of reactances matter. It is at most `limit_mw` in either direction, at least
    `lower_mw` and at most `upper_mw`.
    """

    from_bus: Hashable
    to_bus: Hashable
    reactance: float
    limit_mw: float = np.inf
    lower_mw: float = -np.inf
    upper_mw: float = np.inf
    shift_mw: float = 0.0

    @property
    def least_mw(self) -> float:
        """The smallest flow by all limits."""
        return max(-self.limit_mw, self.lower_mw)

    @property
    def most_mw(self) -> float:
        """The largest flow by all limits."""
        return min(self.limit_mw, self.upper_mw)


class Link(NamedTuple):
    """A link between two buses whose flow is whatever serves best, as on a line of direct current.

    The flow is measured where it enters, at `from_bus`; the part `loss_share` of it does not
    arrive.
    """

    from_bus: Hashable
    to_bus: Hashable
    lower_mw: float
    upper_mw: float
    loss_share: float = 0.0


def elements(
    name: str, given: Iterable[Any], of: Callable[[int, Any], Element]
) -> tuple[Element, ...]:
    """Return the checked elements of one kind."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise GameError(f"{name} must be an iterable of tuples, got a {type(given).__name__}")
    return tuple(of(k, element) for k, element in enumerate(given))


def bus_index(buses: Players, label: object, where: str) -> int:
    """Return the index of a bus, or say where it is named."""
    try:
        return buses.index(label)
    except CoalitionError:
        raise GameError(f"{where}: unknown bus {label!r}") from None


def order_of(buses: Players, k: int, given: NetworkOrder | tuple[Any, ...]) -> NetworkOrder:
    """Return the order `k`; its numbers are checked by the column."""
    try:
        order = NetworkOrder(*given)
    except TypeError as error:
        raise GameError(
            f"order {k} must be (participant, bus, side, price_per_mwh, quantity_mw) or have "
            f"must_run as a sixth entry, got {given!r}"
        ) from error
    name = f"order {k} of {order.participant!r}"
    if order.side not in ("offer", "bid"):
        raise GameError(f'{name}: its side must be "offer" or "bid", got {order.side!r}')
    if not isinstance(order.must_run, (bool, np.bool_)):
        raise GameError(f"{name}: must_run must be True or False, got {order.must_run!r}")
    bus_index(buses, order.bus, name)
    return order


def line_of(buses: Players, k: int, given: Line | tuple[Any, ...]) -> Line:
    """Return the line `k` with its numbers checked."""
    try:
        line = Line(*given)
        line = Line(line.from_bus, line.to_bus, *(float(number) for number in line[2:]))
    except (TypeError, ValueError) as error:
        raise GameError(
            f"line {k} must be (from_bus, to_bus, reactance) or have the limit in MW as a "
            f"fourth entry, got {given!r}: {error}"
        ) from error
    for end in (line.from_bus, line.to_bus):
        bus_index(buses, end, f"line {k}")
    name = f"line {k} from {line.from_bus!r} to {line.to_bus!r}"
    if not np.isfinite(line.reactance) or line.reactance == 0:
        raise GameError(f"{name}: its reactance must be finite and not 0, got {line.reactance}")
    if not line.limit_mw >= 0:
        raise GameError(
            f"{name}: its limit must be non-negative (infinite for none), got {line.limit_mw}"
        )
    if not np.isfinite(line.shift_mw):
        raise GameError(f"{name}: its shift_mw must be finite, got {line.shift_mw}")
    _check_range(name, line.lower_mw, line.upper_mw)
    if line.least_mw > line.most_mw:
        raise GameError(
            f"{name}: no flow is between {line.lower_mw} and {line.upper_mw} MW and at most "
            f"{line.limit_mw} MW"
        )
    return line


def link_of(buses: Players, k: int, given: Link | tuple[Any, ...]) -> Link:
    """Return the link `k` with its numbers checked."""
    try:
        link = Link(*given)
        link = Link(link.from_bus, link.to_bus, *(float(number) for number in link[2:]))
    except (TypeError, ValueError) as error:
        raise GameError(
            f"link {k} must be (from_bus, to_bus, lower_mw, upper_mw) or have the share that is "
            f"lost as a fifth entry, got {given!r}: {error}"
        ) from error
    for end in (link.from_bus, link.to_bus):
        bus_index(buses, end, f"link {k}")
    name = f"link {k} from {link.from_bus!r} to {link.to_bus!r}"
    _check_range(name, link.lower_mw, link.upper_mw)
    if not 0 <= link.loss_share < 1:
        raise GameError(f"{name}: its loss_share must be in [0, 1), got {link.loss_share}")
    if link.loss_share > 0 and not (link.lower_mw >= 0 and np.isfinite(link.upper_mw)):
        raise GameError(
            f"{name}: with losses its flow must be from 0 to a finite number, got "
            f"{link.lower_mw} to {link.upper_mw} MW (give the other direction as a link of its own)"
        )
    return link


def _check_range(name: str, lower: float, upper: float) -> None:
    # Written so that NaN fails.
    if not (lower <= upper and lower < np.inf and upper > -np.inf):
        raise GameError(f"{name}: there is no flow from lower_mw={lower} to upper_mw={upper}")


def power_at(
    buses: Players, name: str, given: Mapping[Hashable, float] | None
) -> NDArray[np.float64]:
    """Return finite power by bus from a mapping; 0 at buses that are not in it."""
    if not isinstance(given, (Mapping, type(None))):
        raise GameError(f"{name} must be a mapping from bus to MW, got a {type(given).__name__}")
    power = np.zeros(len(buses))
    for bus, value in (given or {}).items():
        number = numbers(f"{name} at bus {bus!r}", value)
        if number.ndim:
            raise GameError(f"{name} at bus {bus!r} must be one number, got {value}")
        power[bus_index(buses, bus, name)] = number
    refuse(
        ~np.isfinite(power),
        lambda k: f"{name} must be finite, got {power[k]} at bus {buses[k]!r}",
    )
    return power


def loads_at(
    buses: Players, given: Mapping[Hashable, float | Mapping[str, float]] | None
) -> tuple[tuple[Any, ...], NDArray[np.float64]]:
    """Return the names of fixed loads and what each demands by bus, shape (L, b).

    Raises
    ------
    GameError
        An unknown bus, or a demand that is no finite number or is negative; the bus is named.
    """
    if not isinstance(given, (Mapping, type(None))):
        raise GameError(f"demand_mw must be a mapping from bus to MW, got a {type(given).__name__}")
    by_name: dict[Any, dict[Hashable, float]] = {}
    for bus, at_bus in (given or {}).items():
        parts = at_bus if isinstance(at_bus, Mapping) else {LOAD: at_bus}
        for name, value in parts.items():
            by_name.setdefault(name, {})[bus] = value
    demand = np.zeros((len(by_name), len(buses)))
    for row, (name, part) in enumerate(by_name.items()):
        of_name = "" if name == LOAD else f" of {name!r}"
        demand[row] = power_at(buses, f"demand_mw{of_name}", part)
        bad = demand[row] < 0
        if bad.any():
            k = int(np.argmax(bad))
            raise GameError(
                f"demand_mw{of_name} must be non-negative, got {demand[row, k]} at bus "
                f"{buses[k]!r} (power that is there anyway is an offer at price 0, or injection_mw "
                f"if it cannot be cut)"
            )
    if list(by_name) == [LOAD] and not demand.any():
        return (), np.zeros((0, len(buses)))
    return tuple(by_name), demand
