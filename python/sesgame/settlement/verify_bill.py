#!/usr/bin/env python3
"""Check that a bill is in a published ledger: ``python verify_bill.py bill.json head.json``.

This file needs nothing but Python: whoever gets a bill can copy it, read it and run it. It computes
the Merkle tree of RFC 6962, section 2.1 (the same in RFC 9162): a leaf is SHA-256(0x00 | bytes), a
node SHA-256(0x01 | left | right), and a list of n > 1 leaves is split at the largest power of two
below n. The bytes of a leaf are the bill as JSON with sorted keys, without spaces, in UTF-8. The
digest of a head is the SHA-256 of its own JSON, written likewise.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["NOT_PROVED", "canonical", "digest_of", "failures", "leaf_hash", "node_hash", "root_of"]

BILL_FIELDS = ("amount_minor", "currency", "document", "member", "period", "salt")
HEAD_FIELDS = ("count", "merkle_root", "period", "previous", "result_sha256", "total_minor")

NOT_PROVED = (
    "that everybody was shown the same head: compare it with where it was published",
    "that the bills of all members add up to the total: an auditor with all bills can check that",
)
"""What the proof of one bill leaves open."""

HASH_BYTES = 32

_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return JSON with sorted keys, without spaces, in UTF-8: equal content has equal bytes.

    Examples
    --------
    >>> canonical({"member": "ann", "amount_minor": -5})
    b'{"amount_minor":-5,"member":"ann"}'
    """
    return _ENCODER.encode(content).encode()


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of :func:`canonical`, in hexadecimal."""
    return hashlib.sha256(canonical(content)).hexdigest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root to which a path leads from a leaf (RFC 9162, 2.1.3.2); None if to none.

    Parameters
    ----------
    leaf : bytes
        Its hash.
    index, count : int
        The place of the leaf, from 0, and how many leaves there are.
    path : sequence of bytes
        The hashes beside the way up, ceil(log2 n) of them at most.
    """
    if not 0 <= index < count:
        return None
    place, last, found = index, count - 1, leaf
    for beside in path:
        if last == 0:
            return None
        if place % 2 or place == last:
            found = node_hash(beside, found)
            while not place % 2 and place:
                place, last = place // 2, last // 2
        else:
            found = node_hash(found, beside)
        place, last = place // 2, last // 2
    return found if last == 0 else None


def failures(bill: Any, proof: Any, head: Any) -> list[str]:
    """Return in sentences why a bill is not proved to be in a ledger; nothing if it is.

    Parameters
    ----------
    bill : mapping
        ``amount_minor``, ``currency``, ``member``, ``period``, ``salt`` and, where the ledger binds
        whole documents, ``document``.
    proof : mapping
        ``index``, ``count`` and ``path``, hashes in hexadecimal.
    head : mapping
        What was published.
    """
    wrong = _malformed(bill, proof, head)
    if wrong:
        return wrong
    path = [bytes.fromhex(text) for text in proof["path"]]
    found = root_of(leaf_hash(canonical(bill)), proof["index"], proof["count"], path)
    if bill["period"] != head["period"]:
        wrong.append(f"the bill is of {bill['period']}, the head of {head['period']}")
    if proof["count"] != head["count"]:
        wrong.append(f"the proof is of {proof['count']} bills, the head of {head['count']}")
    if found is None:
        wrong.append("the proof has not as many hashes as its place asks for")
    elif found.hex() != head["merkle_root"]:
        wrong.append("the bill leads to another root than that of the head")
    return wrong


def _malformed(bill: Any, proof: Any, head: Any) -> list[str]:
    """Return what is no bill, no proof or no head."""
    wrong = []
    for name, given, fields, optional in (
        ("bill", bill, BILL_FIELDS, {"document"}),
        ("proof", proof, ("index", "count", "path"), set()),
        ("head", head, HEAD_FIELDS, set()),
    ):
        if not isinstance(given, Mapping):
            wrong.append(f"the {name} must be an object with the fields {', '.join(fields)}")
            continue
        missing = [field for field in fields if field not in given and field not in optional]
        unknown = [str(field) for field in given if field not in fields]
        wrong += [f"the {name} has no {field}" for field in missing]
        wrong += [f"the {name} has the unknown field {field!r}" for field in unknown]
        wrong += [
            f"{name}.{field} must be {_KINDS[field][0]}, not {given[field]!r}"
            for field in fields
            if field in given and not _KINDS[field][1](given[field])
        ]
    return wrong


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_whole(value) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_hex(value: Any, length: int = HASH_BYTES) -> bool:
    return (
        isinstance(value, str)
        and len(value) == 2 * length
        and all(sign in "0123456789abcdef" for sign in value)
    )


def _is_salt(value: Any) -> bool:
    return _is_hex(value, 16)


def _is_path(value: Any) -> bool:
    return isinstance(value, list) and all(_is_hex(text) for text in value)


_WHOLE = ("a whole number", _is_whole)
_COUNT = ("a whole number from 0", _is_count)
_TEXT = ("text", _is_text)
_HASH = ("64 hexadecimal digits in lower case", _is_hex)
_KINDS: dict[str, tuple[str, Any]] = {
    "amount_minor": _WHOLE,
    "currency": _TEXT,
    "document": _HASH,
    "member": _TEXT,
    "period": _TEXT,
    "salt": ("32 hexadecimal digits in lower case", _is_salt),
    "index": _COUNT,
    "count": _COUNT,
    "path": ("a list of hashes, each of 64 hexadecimal digits in lower case", _is_path),
    "merkle_root": _HASH,
    "previous": _HASH,
    "result_sha256": _HASH,
    "total_minor": _WHOLE,
}


def _read(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main(arguments: Sequence[str]) -> int:
    """Check a bill against a head, both in files; return 0 if it is in the ledger, else 1 or 2."""
    if len(arguments) != 2:
        print("usage: python verify_bill.py bill.json head.json", file=sys.stderr)
        return 2
    try:
        kept, head = (_read(path) for path in arguments)
    except (OSError, ValueError) as error:
        print(f"verify_bill.py: {error}", file=sys.stderr)
        return 2
    parts = kept if isinstance(kept, dict) else {}
    wrong = failures(parts.get("bill"), parts.get("proof"), head)
    if wrong:
        print("\n".join(f"refuted: {line}" for line in wrong))
        return 1
    bill = parts["bill"]
    print(f"proved: the bill of {bill['member']} for {bill['period']} is in this ledger")
    print(f"amount: {bill['amount_minor']} in the smallest unit of {bill['currency']}")
    print(f"head: {digest_of(head)}")
    for line in NOT_PROVED:
        print(f"not proved: {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
