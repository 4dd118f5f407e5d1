"""The core of three or four players, as a polytope among all ways to split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import amount, format_coalition
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.game.given_allocation import as_allocation
from sesgame.game.players import membership_of_masks
from sesgame.plots.canvas import BLACK, BLUE, GREY, ORANGE, Style, named_allocations, new_axes
from sesgame.stability.core import least_core
from sesgame.stability.search import RELATIVE_TOLERANCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sesgame.game.game import Game

    Array = NDArray[np.float64]

__all__ = ["core", "core_vertices"]

TRIANGLE = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]])
TETRAHEDRON = np.array(
    [[0, 0, 0], [1, 0, 0], [0.5, 0.75**0.5, 0], [0.5, 0.75**0.5 / 3, (2 / 3) ** 0.5]]
)
PLANE_LABELS = (("right", "top"), ("left", "top"), ("center", "bottom"))
SPACE_LABELS = (("right", "top"), ("center", "top"), ("left", "top"), ("center", "bottom"))
"""On which side of the corners their labels stand."""

FLAT = 1e-6
"""A body that is thinner than this part of an edge is drawn as flat."""


@checked_arguments
def core(
    game: Game,
    allocations: Allocation | Iterable[Allocation] | Mapping[str, Allocation] = (),
    *,
    unit: str = "",
    zoom: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw the core of a game of three or four players, and allocations in it or beside it.

    Every way to split what there is, so that nobody is worse off than alone, is a point of a
    triangle or a tetrahedron: at each corner one player has all the gain, and the others have what
    they have alone. Thin lines are where two players get just what they have together on their
    own. If the core is empty, the least core is drawn instead, in another colour, and the legend
    says so.

    Parameters
    ----------
    game : Game
        Of three or four players; it is tabulated.
    allocations : Allocation, iterable of them, or mapping of str to Allocation, optional
        Of the game's players and kind. One that is not efficient cannot be drawn.
    unit : str, optional
        The currency.
    zoom : bool, default False
        Draw the smallest triangle or tetrahedron around core and allocations, and a little room,
        instead of all ways to split; so it is also where somebody has to be worse off than alone.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default. For four players with ``projection="3d"``.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    GameError
        The game has another number of players, or `ax` the wrong projection.
    AllocationError
        An allocation does not fit the game.
    MissingExtraError
        matplotlib is not installed.

    Notes
    -----
    The vertices are the solutions of all systems of n - 1 tight coalitions that no coalition
    objects to; their matrices of zeros and ones have small integers as determinants, so that
    nothing is lost but a rounding error.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.games.airport([3, 8, 9], players=["ann", "bob", "eve"])
    >>> axes = sg.plots.core(game, [sg.shapley_value(game), sg.nucleolus(game)], unit="EUR")
    >>> axes.get_legend_handles_labels()[1]
    ['core', 'Shapley value', 'nucleolus']
    """
    n = game.n_players
    if n not in (3, 4):
        raise GameError(
            f"the core is drawn for 3 or 4 players; this game has {n}. Compare allocations of it "
            f"with sg.plots.excesses or sg.plots.comparison"
        )
    if ax is not None and (ax.name == "3d") != (n == 4):
        wanted = 'projection="3d"' if n == 4 else "plain axes"
        raise GameError(f"the core of {n} players needs {wanted}, not {ax.name!r}")
    table = game.sign * game.tabulate(progress=False)
    tolerance = RELATIVE_TOLERANCE * (game.scale or 1.0)
    named = {
        name: _efficient(game, name, as_allocation(game, allocation), table[-1])
        for name, allocation in (named_allocations(allocations) if allocations else {}).items()
    }
    evidence: Any = least_core(game, progress=False).evidence
    empty = evidence.value > tolerance
    allowed = max(evidence.value, 0.0)  # also where rounding alone has emptied the core
    vertices = core_vertices(table, allowed, tolerance)
    frame = _Frame(game, table, np.vstack([vertices, *named.values()]), zoom, tolerance)
    axes = new_axes(ax, 6.4, 5.2, **({"projection": "3d"} if n == 4 else {}))
    frame.draw(axes, unit)
    colour, label = BLUE, "core"
    if empty:
        colour, label = ORANGE, f"least core, excess {amount(evidence.value, unit)} (no core)"
    _polytope(axes, frame, vertices, allowed, colour, label)
    for index, (name, point) in enumerate(named.items()):
        style = Style.of(index + 1)
        axes.plot(
            *frame.places(point).T,
            style.marker,
            color=style.colour,
            markerfacecolor=style.colour if style.filled else "white",
            markersize=8,
            markeredgecolor="white",
            label=name,
            zorder=4 + index,
        )
    legend = axes.legend(
        fontsize=8, loc="upper left", bbox_to_anchor=(-0.05, 1.05), labelspacing=0.7, frameon=False
    )
    for handle in legend.get_lines():  # a ring as wide as in the picture would touch the next line
        handle.set_markersize(8)
    return axes


def core_vertices(table: Array, allowed: float, tolerance: float) -> Array:
    """Return the vertices of all x with x(N) = v(N) and no excess above `allowed`, shape (m, n).

    Parameters
    ----------
    table : ndarray of float, shape (2**n,)
        Gains, for n of at most 4.
    allowed : float
        0 for the core.
    tolerance : float
        Excesses and points closer than this count as equal.

    Examples
    --------
    >>> import numpy as np
    >>> gloves = np.array([0.0, 0, 0, 0, 0, 1, 1, 1])
    >>> core_vertices(gloves, 0.0, 1e-9).tolist()
    [[0.0, 0.0, 1.0]]
    """
    n = len(table).bit_length() - 1
    proper = membership_of_masks(np.arange(1, len(table) - 1), n).astype(np.float64)
    wanted = table[1:-1] - allowed
    rows = np.array(list(combinations(range(len(proper)), n - 1)))
    whole = np.ones((len(rows), 1, n))
    systems = np.concatenate([proper[rows], whole], axis=1)
    regular = np.abs(np.linalg.det(systems)) > 0.5  # a determinant is an integer
    right = np.concatenate([wanted[rows], np.full((len(rows), 1), table[-1])], axis=1)
    points = np.linalg.solve(systems[regular], right[regular][..., np.newaxis])[..., 0]
    inside = (wanted - points @ proper.T <= tolerance).all(axis=1)
    vertices: list[Array] = []
    for point in points[inside] + 0.0:
        if all(np.abs(point - other).max() > 10 * tolerance for other in vertices):
            vertices.append(point)
    return np.array(vertices).reshape(-1, n)


class _Frame:
    """The corners of the triangle or tetrahedron, and where a split of gains lies in it."""

    def __init__(
        self, game: Game, table: Array, points: Array, zoom: bool, tolerance: float
    ) -> None:
        n = game.n_players
        self.game = game
        self.table = table
        self.total = float(table[-1])
        self.tolerance = tolerance
        self.least = table[1 << np.arange(n)].copy()
        if zoom or self.least.sum() >= self.total - tolerance:
            self.least = points.min(axis=0)
            room = self.total - self.least.sum()
            self.least -= 0.1 * (room if room > tolerance else game.scale or 1.0)
        self.corners = TRIANGLE if n == 3 else TETRAHEDRON

    def places(self, points: Array) -> Array:
        """Return where splits of gains lie, shape (m, n - 1)."""
        shares = (np.atleast_2d(points) - self.least) / (self.total - self.least.sum())
        places: Array = shares @ self.corners
        return places

    def draw(self, axes: Any, unit: str) -> None:
        """Draw edges, corners and the lines where two of three players are satisfied."""
        n = self.game.n_players
        for pair in combinations(self.corners, 2):
            axes.plot(*np.array(pair).T, color=BLACK, linewidth=0.9)
        centre = self.corners.mean(axis=0)
        verb = "gets" if self.game.kind == "gain" else "pays"
        for player, corner in enumerate(self.corners):
            largest = self.total - self.least.sum() + self.least[player]
            label = f"{self.game.players[player]}\n{verb} {amount(self.game.sign * largest, unit)}"
            place = centre + (1.08 if n == 3 else 1.15) * (corner - centre)
            across, up = (PLANE_LABELS if n == 3 else SPACE_LABELS)[player]
            axes.text(*place, label, ha=across, va=up, fontsize=9)
        axes.set_axis_off()
        if n == 3:
            axes.set_aspect("equal")
            self._pairs(axes)
        else:
            # From here no corner hides another.
            axes.view_init(elev=18, azim=-40)
            axes.set(xlim=(0, 1), ylim=(-0.1, 0.9), zlim=(-0.05, 0.95))
            axes.set_box_aspect((1, 1, 1), zoom=0.88)  # room for labels
            # Allocations are seen through the faces, whatever is nearer to the eye.
            axes.computed_zorder = False

    def _pairs(self, axes: Axes) -> None:
        room = self.total - self.least.sum()
        for left_over in range(3):
            mask = 7 ^ 1 << left_over
            # All points where the pair has its own value leave the same to the third player.
            share = (self.total - self.table[mask] - self.least[left_over]) / room
            if not 0 < share < 1:
                continue
            pair = [player for player in range(3) if player != left_over]
            ends = share * self.corners[left_over] + (1 - share) * self.corners[pair]
            axes.plot(*ends.T, color=GREY, linewidth=0.8, linestyle="--")
            end = ends[1]  # not on the lower edge, where the corners' labels are
            right = end[0] > 0.5
            axes.annotate(
                format_coalition(self.game.players.ordered_labels(mask)),
                end,
                xytext=(5 if right else -5, 0),
                textcoords="offset points",
                ha="left" if right else "right",
                fontsize=8,
                color=GREY,
            )


def _polytope(
    axes: Any, frame: _Frame, vertices: Array, allowed: float, colour: str, label: str
) -> None:
    """Draw the body whose corners are given; a single point gets a ring."""
    places = frame.places(vertices)
    rank = int(np.linalg.matrix_rank(places - places[0], tol=FLAT))
    if rank == 0:
        ring = {"markerfacecolor": "none", "markeredgewidth": 2, "markersize": 13}
        axes.plot(*places[:1].T, "o", color=colour, label=label, **ring)
    elif rank == 1:
        axes.plot(*places.T, color=colour, linewidth=4, alpha=0.6, label=label)
    elif rank == 2 and places.shape[1] == 2:
        axes.fill(*places[_around(places)].T, color=colour, alpha=0.3, linewidth=1.5, label=label)
    else:
        from mpl_toolkits.mplot3d.art3d import Poly3DCollection

        everything = {tuple(range(len(places)))}
        faces = everything if rank == 2 else _faces(frame, vertices, places, allowed)
        polygons = [places[list(face)][_around(places[list(face)])] for face in sorted(faces)]
        axes.add_collection(
            Poly3DCollection(polygons, facecolor=colour, edgecolor=colour, alpha=0.25)
        )
        # A legend takes collections in space only from matplotlib 3.8 on.
        axes.plot([], [], [], "s", color=colour, alpha=0.4, markersize=9, label=label)


def _faces(frame: _Frame, vertices: Array, places: Array, allowed: float) -> set[tuple[int, ...]]:
    """Return the vertices of each face: those at which a coalition has just what it wants."""
    n = vertices.shape[1]
    proper = membership_of_masks(np.arange(1, len(frame.table) - 1), n).astype(np.float64)
    slack = vertices @ proper.T - (frame.table[1:-1] - allowed)
    faces = set()
    for tight in (slack <= 10 * frame.tolerance).T:
        corners = np.flatnonzero(tight)
        flat = places[corners] - places[corners[:1]]
        if len(corners) >= 3 and np.linalg.matrix_rank(flat, tol=FLAT) == 2:
            faces.add(tuple(corners.tolist()))
    return faces


def _around(places: Array) -> NDArray[np.intp]:
    """Return the order of the corners of a convex polygon, in the plane or in space."""
    centred = places - places.mean(axis=0)
    plane = np.linalg.svd(centred, full_matrices=False)[2][:2]
    across, up = plane @ centred.T
    return np.argsort(np.arctan2(up, across))


def _efficient(game: Game, name: str, allocation: Allocation, total: float) -> Array:
    """Return the values as gains; a point of the simplex is efficient."""
    gap = allocation.total - game.sign * total
    if abs(gap) > max(1e-6 * (game.scale or 1.0), allocation.tolerance):
        word = "more" if gap > 0 else "less"
        raise GameError(
            f'"{name}" is not efficient: its shares sum to {abs(gap):.6g} {word} than the total; '
            f"leave it out"
        )
    return np.array(game.sign * allocation.values)
