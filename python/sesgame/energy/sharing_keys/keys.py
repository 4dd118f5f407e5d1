"""The sharing keys by name, in the order in which people see them."""

from __future__ import annotations

from sesgame.energy.sharing_keys.dynamic_key import DynamicKey
from sesgame.energy.sharing_keys.equal_key import EqualKey
from sesgame.energy.sharing_keys.given_key import GivenKey
from sesgame.energy.sharing_keys.hierarchical_key import HierarchicalKey
from sesgame.energy.sharing_keys.pairwise_key import PairwiseKey
from sesgame.energy.sharing_keys.sharing_key import SharingKey
from sesgame.energy.sharing_keys.static_key import StaticKey

__all__ = ["KEYS"]

KEYS: dict[str, type[SharingKey]] = {
    "static": StaticKey,
    "hourly": StaticKey,
    "dynamic": DynamicKey,
    "equal": EqualKey,
    "hierarchical": HierarchicalKey,
    "given": GivenKey,
    "pairwise": PairwiseKey,
}
"""From the name on the command line to the class."""
