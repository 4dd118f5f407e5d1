"""The Merkle tree of RFC 6962 over a list of leaves, kept by levels so that proofs are quick."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sesgame.settlement.verify_bill import leaf_hash, node_hash

__all__ = ["MerkleTree"]


class MerkleTree:
    r"""Hashes of leaves, and of what lies above them.

    Neighbours are joined in pairs, and a last one without a neighbour goes up as it is. That is the
    tree of RFC 6962, which splits n leaves at the largest power of two below n.

    Parameters
    ----------
    leaves : iterable of bytes
        What is in the leaves, in order.

    Notes
    -----
    2n - 1 hashes, 32 bytes each.

    References
    ----------
    Laurie, Langley and Kasper (2013), section 2.1 [laurie2013]_.

    Examples
    --------
    >>> MerkleTree([b"", b"\x00"]).root.hex()[:16]
    'fac54203e7cc696c'
    """

    def __init__(self, leaves: Iterable[bytes]) -> None:
        self.levels = [[leaf_hash(leaf) for leaf in leaves]]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            above = [node_hash(*below[i : i + 2]) for i in range(0, len(below) - 1, 2)]
            self.levels.append(above + below[len(above) * 2 :])

    @property
    def root(self) -> bytes:
        """The hash that stands for all leaves."""
        return self.levels[-1][0] if self.levels[0] else hashlib.sha256().digest()

    def path(self, index: int) -> list[bytes]:
        """Return the hashes beside the way from a leaf to the root, from below."""
        found = []
        for level in self.levels[:-1]:
            beside = index ^ 1
            if beside < len(level):
                found.append(level[beside])
            index //= 2
        return found
