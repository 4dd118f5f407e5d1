"""The nucleolus of clusters of members, split inside, and checked on the members' own game."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.community import Community
from sesgame.energy.owen_allocation import owen_allocation
from sesgame.energy.scenarios import Scenarios
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.optional_imports import needs
from sesgame.rule import SEED, AllocationProblem, Need, Option, Promise, Rule
from sesgame.stability.audit import Audit, audit
from sesgame.stability.nucleolus import nucleolus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.problem import Model
    from sesgame.energy.time_steps import Moment

__all__ = [
    "CLUSTERED_NUCLEOLUS",
    "CLUSTERS",
    "ClusteredEvidence",
    "clustered_nucleolus",
    "clusters_of",
]

MAX_CLUSTERS = 20
"""More clusters are left to row generation."""


@dataclasses.dataclass(frozen=True, eq=False)
class ClusteredEvidence(Evidence):
    """What an allocation by clusters rests on, and how far it is from stable.

    Attributes
    ----------
    clusters : tuple of tuple of str
        The members of each cluster.
    shares : tuple of float
        What each cluster pays: its nucleolus in the game of the clusters, in which one cluster pays
        no more than its members alone.
    cluster_evidence : Evidence
        The certificate of that nucleolus.
    audit : Audit
        What holds of the allocation in the game of the members: the coalition with the largest
        excess of all, not only of whole clusters, and what is proved.
    """

    clusters: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...]
    cluster_evidence: Evidence | None
    audit: Audit

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return that shares are not of single members."""
        number = count(len(self.clusters), "cluster")
        caveats = [f"Members are grouped into {number} with similar profiles."]
        if not self.audit.individually_rational:
            caveats.append("Alone the members pay less than together: some pay more than alone.")
        return caveats

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return who is in which cluster."""
        return [f"Cluster {i}: {', '.join(names)}." for i, names in enumerate(self.clusters, 1)]


@checked_arguments
def clusters_of(
    community: Community | Scenarios, n_clusters: int, *, seed: int = 0
) -> tuple[tuple[str, ...], ...]:
    """Return members in clusters of like net-load profiles, by k-means (extra ``surrogate``).

    Each member stands where its net load in each step is, as a share of its largest, so that large
    and small members with the same habits are similar; and, with the weight of all steps, where the
    capacity of its batteries is, as a share of that and all the energy it exchanges. The steps of
    several scenarios count one after the other.

    Parameters
    ----------
    community : Community or Scenarios
        Any number of members.
    n_clusters : int
        From 1 to the number of members.
    seed : int, default 0
        For the starting points; below 2**32.

    Returns
    -------
    tuple of tuple of str
        Clusters in the order of their first members, each in the order of members; fewer than
        asked for if fewer profiles differ.

    Raises
    ------
    GameError
        `n_clusters` or `seed` is out of its range, or there are no profiles, as of two-period
        storage.
    MissingExtraError
        scikit-learn is not installed.

    References
    ----------
    MacQueen (1967), k-means; the implementation is scikit-learn's.

    Examples
    --------
    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["ann", "bob", "cid"],
    ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[[-2.0, 1.0], [1.0, 1.0], [2.0, 2.0]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ... )
    >>> sg.energy.clusters_of(community, 2)
    (('ann',), ('bob', 'cid'))
    """
    with needs("surrogate", "clusters need scikit-learn"):
        from sklearn.cluster import KMeans
    if not isinstance(community, (Community, Scenarios)):
        raise GameError(f"clusters are for a Community or Scenarios, not for {community!r}")
    members = community.members
    if not 1 <= n_clusters <= len(members):
        raise GameError(f"n_clusters must be from 1 to {len(members)}, got {n_clusters}")
    scenarios = community.communities if isinstance(community, Scenarios) else (community,)
    net_load = np.concatenate([scenario.net_load_kwh for scenario in scenarios], axis=1)
    largest = np.abs(net_load).max(axis=1, keepdims=True)
    profiles = net_load / np.where(largest > 0, largest, 1.0)
    energy = np.zeros(len(members))
    for battery in scenarios[0].batteries:
        energy[members.index(battery.owner)] += battery.energy_kwh
    used = energy + np.abs(net_load).sum(axis=1) / len(scenarios)
    stored = np.sqrt(net_load.shape[1]) * energy / np.where(used > 0, used, 1.0)
    features = np.column_stack([profiles, stored])
    if not 0 <= seed < 2**32:
        raise GameError(f"seed must be an integer from 0 to 2**32 - 1, got {seed!r}")
    wanted = min(n_clusters, len(np.unique(features, axis=0)))
    labels = KMeans(wanted, n_init=10, random_state=seed).fit_predict(features)
    groups: dict[int, list[str]] = {}
    for member, label in zip(members, labels.tolist(), strict=True):
        groups.setdefault(label, []).append(member)
    return tuple(tuple(group) for group in groups.values())


@checked_arguments
def clustered_nucleolus(
    community: Community | Scenarios,
    n_clusters: int = 12,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    model: Model | None = None,
    seed: int = 0,
    max_seconds: float = 60.0,
    progress: bool = True,
) -> Allocation:
    r"""Return the nucleolus of clusters of members, split inside each cluster.

    A cluster K is one player who brings what its members bring; its share y_K is the nucleolus of
    that game. Inside, what the cluster saves against its members' costs alone, :math:`a_i`, is
    split in proportion to what each saves by its bill :math:`o_i` at dual prices:

    .. math:: x_i = a_i - \Bigl(\sum_{j \in K} a_j - y_K\Bigr)
              \frac{(a_i - o_i)^+}{\sum_{j \in K} (a_j - o_j)^+}

    Nobody pays more than alone unless the members alone pay less than all together, as a limit of
    the grid that belongs to nobody may bring about. Then no split keeps to that: what a cluster
    pays more is split equally among its members, and ``evidence.audit.individually_rational`` is
    False.

    Parameters
    ----------
    community : Community or Scenarios
        Any number of members.
    n_clusters : int, default 12
        At most 20; see :func:`clusters_of`.
    start, end, model
        As in :meth:`Community.cost_game`.
    seed : int, default 0
        For k-means.
    max_seconds : float, default 60
        For the search for the coalition with the largest excess.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        Costs, with :class:`ClusteredEvidence`: how far it is from stable is not taken on trust but
        found on the game of the members, by separation.

    Raises
    ------
    GameError
        `n_clusters` is out of its range, or as in :meth:`Community.cost_game`.
    MissingExtraError
        scikit-learn is not installed.

    Notes
    -----
    2^k dispatches for k clusters, and one mixed-integer program.

    Examples
    --------
    >>> import sesgame as sg
    >>> community = sg.energy.Community(
    ...     members=["ann", "bob", "cid"],
    ...     steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...     load_kwh=[[-2.0, 1.0], [1.0, 1.0], [2.0, 2.0]],
    ...     tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ... )
    >>> bills = sg.energy.clustered_nucleolus(community, 2)
    >>> bills.evidence.clusters
    (('ann',), ('bob', 'cid'))
    >>> print(bills.evidence.audit)
    clustered nucleolus:
      Efficient: the shares sum to the total.
      No member is better off alone.
      The coalition {ann, cid} would gain 0.1 by leaving.
    """
    if n_clusters > MAX_CLUSTERS:
        raise GameError(f"n_clusters is {n_clusters}; at most {MAX_CLUSTERS} are solved by a table")
    part = community.period(start, end)
    model = part.chosen_model(model)
    clusters = clusters_of(part, n_clusters, seed=seed)
    game = part.cost_game(model=model)
    owen = owen_allocation(part, model=model, progress=progress).values
    alone = game.values(np.eye(len(part.members), dtype=np.bool_), progress=progress)
    shares = nucleolus(_game_of_clusters(game, clusters, alone), progress=progress)
    bills = np.empty(len(part.members))
    for cluster, share in zip(clusters, shares.values.tolist(), strict=True):
        inside = game.players.indices(cluster)
        bills[inside] = _split(share, owen[inside], alone[inside], game.rounding)
    allocation = Allocation(
        game.players,
        bills,
        kind="cost",
        method=CLUSTERED_NUCLEOLUS.title,
        tolerance=shares.tolerance,
    )
    checked = audit(
        game,
        allocation,
        oracle=part.separation_oracle(model=model),
        max_seconds=max_seconds,
        progress=progress,
    )
    evidence = ClusteredEvidence(clusters, tuple(shares.values.tolist()), shares.evidence, checked)
    return CLUSTERED_NUCLEOLUS.made(dataclasses.replace(allocation, evidence=evidence))


CLUSTERS = Option(
    name="clusters",
    keyword="n_clusters",
    parse=int,
    default=12,
    metavar="K",
    help="number of clusters of members with similar profiles",
)


def _apply(problem: AllocationProblem) -> Allocation:
    community = problem.world
    assert isinstance(community, (Community, Scenarios))
    return clustered_nucleolus(
        community,
        min(problem[CLUSTERS], problem.game.n_players),
        model=problem.model,
        seed=problem[SEED],
        max_seconds=problem.max_seconds,
    )


CLUSTERED_NUCLEOLUS = Rule(
    name="clustered-nucleolus",
    title="clustered nucleolus",
    apply=_apply,
    needs=frozenset({Need.SAMPLE}),
    promises=frozenset({Promise.EFFICIENT}),
    options=(CLUSTERS, SEED),
    worlds=(Community, Scenarios),
    meaning=(
        "Members with similar profiles form clusters, and clusters form groups: the one with the "
        "most reason to leave gets as little as possible. Each cluster's share is split inside."
    ),
    page="concepts/clustered-nucleolus",
    sources=("schmeidler1969",),
)


def _game_of_clusters(
    game: Game, clusters: tuple[tuple[str, ...], ...], alone: NDArray[np.float64]
) -> Game:
    """Return the game of whole clusters, in which one pays no more than its members alone.

    What they pay alone is no limit where that is less than what all pay together.
    """
    incidence = np.zeros((len(clusters), game.n_players), dtype=np.bool_)
    for row, cluster in zip(incidence, clusters, strict=True):
        row[game.players.indices(cluster)] = True
    by_cluster = incidence.astype(np.float64) @ alone
    own = game.values(incidence, progress=False)
    total = game.value(game.players)
    limits = np.minimum(own, by_cluster)
    if limits.sum() < total - game.rounding:
        # Clusters that pay less together than one by one limit what others can be asked for.
        limits = by_cluster if by_cluster.sum() >= total - game.rounding else own

    def costs(membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        values = game.values(membership @ incidence, progress=False)
        is_one = (membership.sum(axis=1) == 1) & (len(clusters) > 1)
        values[is_one] = membership[is_one] @ limits
        return values

    return Game.from_function(clusters, costs, kind="cost", batched=True)


def _split(
    share: float, owen: NDArray[np.float64], alone: NDArray[np.float64], rounding: float
) -> NDArray[np.float64]:
    """Return what the members of a cluster pay of its share."""
    saved = float(alone.sum()) - share
    savings = alone - owen
    savings[savings <= rounding] = 0.0
    parts = np.full(len(alone), 1 / len(alone))
    if saved > 0 and savings.any():
        parts = savings / savings.sum()
    bills: NDArray[np.float64] = alone - saved * parts
    return bills
