"""Named games of the literature with their published solutions; the source stands with each."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg

Number = Fraction | int | float
Members = frozenset[int]


@dataclasses.dataclass(frozen=True)
class LiteratureGame:
    """A game on players 0, 1, ..., n-1 and what was published about it."""

    id: str
    source: str
    n_players: int
    value: Callable[[Members], Number]
    kind: sg.allocation.Kind = "gain"
    shapley: Sequence[Number] | None = None
    nucleolus: Sequence[Number] | None = None
    prenucleolus: Sequence[Number] | None = None
    published_digits: float = 0.0
    """Half a unit of the last published digit, where the source rounds."""

    def exact_table(self) -> list[Fraction]:
        return [
            Fraction(self.value(frozenset(i for i in range(self.n_players) if mask >> i & 1)))
            for mask in range(1 << self.n_players)
        ]

    def game(self) -> sg.Game:
        return sg.Game.from_table(np.array(self.exact_table(), dtype=float), kind=self.kind)


def gloves(left: int, right: int) -> Callable[[Members], int]:
    """Return the pairs that the owners 0..left-1 of left and the others of right gloves form."""
    return lambda s: min(sum(i < left for i in s), sum(left <= i < left + right for i in s))


def bankruptcy(estate: int, *claims: int) -> Callable[[Members], int]:
    """Return what is left of the estate once everyone outside S is paid in full."""
    return lambda s: max(0, estate - sum(c for i, c in enumerate(claims) if i not in s))


def voting(quota: int, *weights: int) -> Callable[[Members], int]:
    """Return 1 for coalitions of at least `quota` votes."""
    return lambda s: int(sum(weights[i] for i in s) >= quota)


def airport(*costs: int) -> Callable[[Members], int]:
    """Return the cost of the longest runway that S needs."""
    return lambda s: max((costs[i] for i in s), default=0)


def values(**by_coalition: Number) -> Callable[[Members], Number]:
    """Return given values, with players written from 1: ``values(v12=10)``; 0 elsewhere."""
    known = {frozenset(int(d) - 1 for d in key[1:]): value for key, value in by_coalition.items()}
    return lambda s: known.get(s, 0)


def fano_plane(s: Members) -> int:
    """Return 1 for coalitions that contain a line of the projective plane of seven points."""
    lines = [{i % 7, (i + 1) % 7, (i + 3) % 7} for i in range(7)]
    return int(any(line <= s for line in lines))


def canadian_amendment(s: Members) -> int:
    """0 Ontario, 1 Quebec, 2 British Columbia, 3-5 prairie provinces, 6-9 Atlantic provinces."""
    prairie, atlantic = len(s & {3, 4, 5}), len(s & {6, 7, 8, 9})
    west = prairie == 3 or (2 in s and prairie >= 1)
    return int({0, 1} <= s and west and atlantic >= 2)


def littlechild_nucleolus(*costs: int) -> list[Fraction]:
    """Return the nucleolus of an airport game with ascending costs, by Littlechild's recursion.

    r_k = min over m of (c_m - c_(k-1) + r_(k-1)) / (number of players from k's group to m, plus 1),
    the last group by the number without the 1 (Littlechild 1974, section 3).
    """
    shares: list[Fraction] = []
    base = Fraction(0)
    n = len(costs)
    while len(shares) < n:
        first = len(shares)
        options = [((costs[m] - base) / Fraction(m - first + 2), m) for m in range(first, n - 1)]
        options.append(((costs[n - 1] - base) / Fraction(n - first), n - 1))
        share, last = min(options, key=lambda option: (option[0], -option[1]))
        shares += [share] * (last - first + 1)
        base += share * (last - first + 1)
    return shares


def littlechild_owen(*costs: int) -> list[Fraction]:
    """Return the Shapley value: each stretch is shared by those who need it (Littlechild-Owen)."""
    n = len(costs)
    steps = [
        Fraction(c - p, n - i) for i, (c, p) in enumerate(zip(costs, (0, *costs), strict=False))
    ]
    return [sum(steps[: i + 1], Fraction(0)) for i in range(n)]


THIRD = Fraction(1, 3)

GAMES = [
    LiteratureGame(
        "standard-two-person",
        "von Neumann and Morgenstern (1944), 2-person general-sum games",
        2,
        values(v1=1, v2=2, v12=6),
        shapley=[Fraction(5, 2), Fraction(7, 2)],
        nucleolus=[Fraction(5, 2), Fraction(7, 2)],
        prenucleolus=[Fraction(5, 2), Fraction(7, 2)],
    ),
    LiteratureGame(
        "three-person-majority",
        "von Neumann and Morgenstern (1944), section 21",
        3,
        voting(2, 1, 1, 1),
        shapley=[THIRD] * 3,
        nucleolus=[THIRD] * 3,
    ),
    LiteratureGame(
        "gloves-2-1",
        "Shapley and Shubik (1969), Pure competition, coalitional power",
        3,
        gloves(2, 1),
        shapley=[Fraction(1, 6), Fraction(1, 6), Fraction(2, 3)],
        nucleolus=[0, 0, 1],
    ),
    LiteratureGame(
        "gloves-2-3",
        "Shapley and Shubik (1969), Pure competition, coalitional power, table 1",
        5,
        gloves(2, 3),
        shapley=[Fraction(13, 20)] * 2 + [Fraction(7, 30)] * 3,
        nucleolus=[1, 1, 0, 0, 0],
    ),
    LiteratureGame(
        "peleg-sudhoelter",
        "Peleg and Sudhoelter (2007), Introduction to the Theory of "
        "Cooperative Games, on the prenucleolus outside the imputations",
        3,
        values(v12=10, v123=2),
        nucleolus=[1, 1, 0],
        prenucleolus=[3, 3, -4],
    ),
    LiteratureGame(
        "contested-garment",
        "Aumann and Maschler (1985), section 3 (Baba Metzia 2a)",
        2,
        bankruptcy(4, 4, 2),
        shapley=[3, 1],
        nucleolus=[3, 1],
    ),
    LiteratureGame(
        "talmud-100",
        "Aumann and Maschler (1985), table 1; O'Neill (1982) for the Shapley value",
        3,
        bankruptcy(100, 100, 200, 300),
        shapley=[100 * THIRD] * 3,
        nucleolus=[100 * THIRD] * 3,
    ),
    LiteratureGame(
        "talmud-200",
        "Aumann and Maschler (1985), table 1; O'Neill (1982) for the Shapley value",
        3,
        bankruptcy(200, 100, 200, 300),
        shapley=[100 * THIRD, 250 * THIRD, 250 * THIRD],
        nucleolus=[50, 75, 75],
    ),
    LiteratureGame(
        "talmud-300",
        "Aumann and Maschler (1985), table 1; O'Neill (1982) for the Shapley value",
        3,
        bankruptcy(300, 100, 200, 300),
        shapley=[50, 100, 150],
        nucleolus=[50, 100, 150],
    ),
    LiteratureGame(
        "ibn-ezra",
        "O'Neill (1982) for the problem; Aumann and Maschler (1985) for the rule: "
        "constrained equal awards of half the claims",
        4,
        bankruptcy(120, 30, 40, 60, 120),
        nucleolus=[15, 20, 30, 55],
    ),
    LiteratureGame(
        "my-aunt-and-i",
        "Davis and Maschler (1965), apex game; nucleolus Peleg (1968)",
        5,
        voting(4, 3, 1, 1, 1, 1),
        shapley=[Fraction(3, 5)] + [Fraction(1, 10)] * 4,
        nucleolus=[Fraction(3, 7)] + [Fraction(1, 7)] * 4,
    ),
    LiteratureGame(
        "apex-4",
        "Shapley and Shubik (1954), [3; 2, 1, 1, 1]; nucleolus Peleg (1968)",
        4,
        voting(3, 2, 1, 1, 1),
        shapley=[Fraction(1, 2)] + [Fraction(1, 6)] * 3,
        nucleolus=[Fraction(2, 5)] + [Fraction(1, 5)] * 3,
    ),
    LiteratureGame(
        "projective-plane-7",
        "von Neumann and Morgenstern (1944), section 53; Davis and Maschler (1965)",
        7,
        fano_plane,
        shapley=[Fraction(1, 7)] * 7,
        nucleolus=[Fraction(1, 7)] * 7,
    ),
    LiteratureGame(
        "council-of-six",
        "Le Breton, Montero and Zaporozhets (2012), Council of Ministers 1958",
        6,
        voting(12, 4, 4, 4, 2, 2, 1),
        shapley=[Fraction(7, 30)] * 3 + [Fraction(3, 20)] * 2 + [0],
        nucleolus=[Fraction(1, 4)] * 3 + [Fraction(1, 8)] * 2 + [0],
    ),
    LiteratureGame(
        "nassau-county-1964",
        "Banzhaf (1965), Weighted voting doesn't work",
        6,
        voting(58, 31, 31, 28, 21, 2, 2),
        shapley=[THIRD] * 3 + [0] * 3,
        nucleolus=[THIRD] * 3 + [0] * 3,
    ),
    LiteratureGame(
        "canadian-amendment",
        "Miller (1973), Canadian Journal of Political Science 6, p. 140; "
        "the core of a game with vetoes (here Ontario, Quebec) gives them all",
        10,
        canadian_amendment,
        shapley=[Fraction(53, 168)] * 2
        + [Fraction(1, 8)]
        + [Fraction(1, 24)] * 3
        + [Fraction(5, 168)] * 4,
        nucleolus=[Fraction(1, 2)] * 2 + [0] * 8,
    ),
    LiteratureGame(
        "security-council",
        "Owen (1995), Game Theory, section XII.4, Security Council of 15; "
        "the core of a game with vetoes gives them all",
        15,
        voting(39, *[7] * 5, *[1] * 10),
        shapley=[Fraction(421, 2145)] * 5 + [Fraction(4, 2145)] * 10,
        nucleolus=[Fraction(1, 5)] * 5 + [0] * 10,
    ),
    LiteratureGame(
        "tennessee-valley",
        "Straffin and Heaney (1981), Game theory and the Tennessee Valley "
        "Authority; in thousand dollars",
        3,
        values(v1=163520, v2=140826, v3=250096, v12=301607, v13=378821, v23=367370, v123=412584),
        kind="cost",
        shapley=[117829, 100757, 193998],
        nucleolus=[116234, 93540, 202810],
        published_digits=1.0,
    ),
    LiteratureGame(
        "lemaire-treasurers",
        "Lemaire (1984), An application of game theory: cost allocation, ASTIN Bulletin 14, 61-81",
        3,
        values(
            v1=Fraction(92250, 2),
            v2=Fraction(34875, 2),
            v3=Fraction(11625, 2),
            v12=Fraction(138375, 2),
            v13=Fraction(107625, 2),
            v23=30750,
            v123=90000,
        ),
        shapley=[51750, 25875, 12375],
        nucleolus=[Fraction(105375, 2), Fraction(97875, 4), Fraction(51375, 4)],
    ),
    LiteratureGame(
        "airport-3",
        "Littlechild (1974), A simple expression for the nucleolus in a special case; "
        "Littlechild and Owen (1973) for the Shapley value",
        3,
        airport(2, 5, 9),
        kind="cost",
        shapley=littlechild_owen(2, 5, 9),
        nucleolus=littlechild_nucleolus(2, 5, 9),
    ),
    LiteratureGame(
        "airport-8",
        "Littlechild (1974); Littlechild and Owen (1973) for the Shapley value",
        8,
        airport(1, 1, 4, 6, 6, 6, 10, 17),
        kind="cost",
        shapley=littlechild_owen(1, 1, 4, 6, 6, 6, 10, 17),
        nucleolus=littlechild_nucleolus(1, 1, 4, 6, 6, 6, 10, 17),
    ),
]


def with_solution(name: str) -> list[object]:
    """Return the games with a published `name`, as parameters of a test with readable ids."""
    return [pytest.param(game, id=game.id) for game in GAMES if getattr(game, name) is not None]


def deviation(game: LiteratureGame, values: Sequence[float], name: str) -> float:
    """Return how far values lie from the published ones."""
    published = getattr(game, name)
    return max(math.fabs(v - float(p)) for v, p in zip(values, published, strict=True))
