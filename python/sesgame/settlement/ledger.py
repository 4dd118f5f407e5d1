"""A ledger of bills: one published hash for all of them, and a proof for each member.

Whoever gets a bill can check that it is one of those that the hash stands for, without seeing any
other; and as each hash names the one before, no past period can be changed without changing all
that follow.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from decimal import MAX_PREC, Context, Decimal
from itertools import pairwise
from typing import Any, Literal

from sesgame.cached import cached_property
from sesgame.errors import AllocationError, GameError
from sesgame.files.json_text import restored
from sesgame.formatting import named as described
from sesgame.game.allocation import texts
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments, checked_fields
from sesgame.settlement.merkle_tree import MerkleTree
from sesgame.settlement.verify_bill import NOT_PROVED, canonical, digest_of, failures

__all__ = ["Ledger", "LedgerBill", "LedgerHead", "LedgerVerdict", "verify_bill", "verify_heads"]

NOTHING = "0" * 64
"""Stands for the head before the first, and for a result that is not named."""

SALT_BYTES = 16

DIGEST = re.compile("[0-9a-f]{64}")
SALT = re.compile(f"[0-9a-f]{{{2 * SALT_BYTES}}}")
DATED = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
"""A period whose text says which is earlier: a year, a month or a day."""

EXACT = Context(prec=MAX_PREC)
"""Moves the point of any number without rounding."""

MOST_SHOWN = 10

SAME_HEADS = NOT_PROVED[0]


@checked_fields
@dataclass(frozen=True)
class LedgerHead:
    """What is published of a ledger.

    Parameters
    ----------
    count : int
        How many bills it has.
    merkle_root : str
        The root of the tree of its bills, 64 hexadecimal digits.
    period : str
        What is billed, such as ``"2024-06"``.
    previous : str
        The :attr:`digest` of the head before; 64 zeros for the first one.
    result_sha256 : str
        The digest of the result that the bills are from, of ``result.json``; 64 zeros where none
        is named.
    total_minor : int
        The sum of all bills, in the smallest unit of the currency.

    Raises
    ------
    GameError
        A digest is no 64 hexadecimal digits in lower case, `count` is negative, or the period is
        empty.
    """

    count: int
    merkle_root: str
    period: str
    previous: str
    result_sha256: str
    total_minor: int

    def __post_init__(self) -> None:
        for name in ("merkle_root", "previous", "result_sha256"):
            _check_digest(name, getattr(self, name))
        if self.count < 0:
            raise GameError(f"count must not be negative, got {self.count}")
        _check_period(self.period)

    @property
    def digest(self) -> str:
        """SHA-256 of the head as JSON with sorted keys and without spaces: what is published."""
        return digest_of(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the fields in the types that JSON knows."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> LedgerHead:
        """Return the head that :meth:`to_dict` wrote.

        Raises
        ------
        GameError
            A field is missing, unknown, or of another type.
        """
        head: LedgerHead = restored(cls, kept, {}, "head")
        return head


@dataclass(frozen=True)
class LedgerBill:
    """One bill as the ledger binds it.

    Parameters
    ----------
    member : str
        Who gets it; a pseudonym where names are not to be kept.
    amount_minor : int
        In the smallest unit of the currency; negative: is paid out.
    salt : str
        16 random bytes, 32 hexadecimal digits. Without them a bill in cents is found from its hash
        by trying all amounts.
    document : str, optional
        SHA-256 of everything that the bill says.
    """

    member: str
    amount_minor: int
    salt: str
    document: str | None = None

    def __post_init__(self) -> None:
        # Not by `checked_fields`, which would take longer than all hashes.
        if not isinstance(self.member, str) or not self.member:
            raise GameError(f"member must be text, got {described(self.member)}")
        amount = self.amount_minor
        if not isinstance(amount, int) or isinstance(amount, bool):
            raise GameError(
                f"the amount of {self.member} must be a whole number of the smallest unit, got "
                f"{described(amount)}"
            )
        if not isinstance(self.salt, str) or not SALT.fullmatch(self.salt):
            raise GameError(
                f"the salt of {self.member} must be {2 * SALT_BYTES} hexadecimal digits in lower "
                f"case, got {described(self.salt)}"
            )
        if self.document is not None:
            _check_digest(f"the document of {self.member}", self.document)


@checked_fields
@dataclass(frozen=True, eq=False)
class Ledger(ByValue):
    r"""The bills of one period, bound together by a Merkle tree.

    Leaf i is the JSON of its bill, sorted by keys and without spaces,

    .. math:: L_i = H(\mathtt{00} \, \Vert \, b_i), \qquad
        N(l, r) = H(\mathtt{01} \, \Vert \, l \, \Vert \, r),

    with H = SHA-256. Make one with :meth:`of`; keep it, with its salts, where only those may read
    it who may see all bills; publish the `head`.

    Parameters
    ----------
    period : str
        What is billed, such as ``"2024-06"``.
    currency : str
        Of all amounts, such as ``"EUR"``.
    bills : tuple of LedgerBill
        In the order of the members.
    previous : str
        The digest of the head before; 64 zeros for the first ledger.
    result_sha256 : str
        The digest of the result that the bills are from; 64 zeros where none is named.

    Raises
    ------
    GameError
        Two bills of one member, or a digest that is none.

    Notes
    -----
    What a proof shows is that a bill is in the ledger with a given head. It does not show that
    everybody was shown the same head: publish it where all look. It does not show that the bills
    add up to the total: whoever has the whole ledger can check that, and :meth:`from_dict` does.

    2n - 1 hashes; a proof has at most ceil(log2 n).

    References
    ----------
    Laurie, Langley and Kasper (2013), section 2.1 [laurie2013]_.

    Examples
    --------
    >>> from decimal import Decimal
    >>> import sesgame as sg
    >>> bills = {"ann": Decimal("-354.67"), "bob": Decimal("-61.14"), "cem": Decimal("-115.04")}
    >>> june = sg.Ledger.of(bills, period="2016-06", currency="EUR")
    >>> june.head.total_minor, june.head.count
    (-53085, 3)
    >>> print(sg.verify_bill(june.bill("bob"), june.proof("bob"), june.head).state)
    proved
    >>> july = sg.Ledger.of(bills, period="2016-07", currency="EUR", previous=june.head)
    >>> july.head.previous == june.head.digest
    True
    """

    period: str
    currency: str
    bills: tuple[LedgerBill, ...]
    previous: str = NOTHING
    result_sha256: str = NOTHING

    def __post_init__(self) -> None:
        _check_period(self.period)
        if not self.currency:
            raise GameError("currency must be text, such as EUR, got no text")
        for name in ("previous", "result_sha256"):
            _check_digest(name, getattr(self, name))
        object.__setattr__(self, "bills", tuple(self.bills))
        seen: set[str] = set()
        for bill in self.bills:
            if not isinstance(bill, LedgerBill):
                raise GameError(f"bills must be LedgerBills, got {described(bill)}")
            if bill.member in seen:
                raise GameError(
                    f"duplicate bill of {bill.member}; a ledger has one for each member"
                )
            seen.add(bill.member)

    @classmethod
    @checked_arguments
    def of(
        cls,
        bills: Mapping[Hashable, Decimal],
        *,
        period: str,
        currency: str,
        previous: LedgerHead | None = None,
        result_sha256: str | None = None,
        documents: Mapping[Hashable, Mapping[str, Any]] | None = None,
    ) -> Ledger:
        """Return the ledger of rounded bills, with salts that are drawn now.

        Draw them once, when bills are final, and keep the ledger: the same bills drawn again have
        another head.

        Parameters
        ----------
        bills : mapping of member to Decimal
            As :func:`~sesgame.rounded_bills` makes them, all with the same number of decimals.
        period : str
            What is billed.
        currency : str
            Of all amounts.
        previous : LedgerHead, optional
            The head of the ledger before.
        result_sha256 : str, optional
            The digest of the ``result.json`` that the bills are from.
        documents : mapping of member to mapping, optional
            Everything that each bill says, in the types that JSON knows. With it, another payee or
            another line is another bill, also with the same amount.

        Returns
        -------
        Ledger

        Raises
        ------
        AllocationError
            An amount is no Decimal, not finite, or has another number of decimals than the first;
            or there are documents, but not one for each member.
        GameError
            The period is not after that of `previous`, or two members have the same text.
        """
        if not isinstance(bills, Mapping):
            raise AllocationError(f"bills must be a mapping of amounts, got {described(bills)}")
        amounts = _minor_units(bills)
        digests = _digests_of(bills, documents)
        if previous is not None:
            _check_order(previous.period, period)
        return cls(
            period,
            currency,
            tuple(
                LedgerBill(member, amount, secrets.token_hex(SALT_BYTES), document)
                for member, amount, document in zip(texts(bills), amounts, digests, strict=True)
            ),
            NOTHING if previous is None else previous.digest,
            NOTHING if result_sha256 is None else result_sha256,
        )

    @cached_property
    def _tree(self) -> MerkleTree:
        return MerkleTree(canonical(self._leaf(bill)) for bill in self.bills)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {bill.member: place for place, bill in enumerate(self.bills)}

    def _leaf(self, bill: LedgerBill) -> dict[str, Any]:
        leaf = {**vars(bill), "currency": self.currency, "period": self.period}
        if bill.document is None:
            del leaf["document"]
        return leaf

    def _place(self, member: Hashable) -> int:
        place = self._places.get(str(member))
        if place is None:
            there = list(self._places)[:MOST_SHOWN]
            more = len(self.bills) - len(there)
            names = ", ".join(there) + (f" and {more:,} more" if more else "")
            raise GameError(f"no bill of {described(member)} in the ledger; there are {names}")
        return place

    @property
    def head(self) -> LedgerHead:
        """What is to be published."""
        return LedgerHead(
            count=len(self.bills),
            merkle_root=self._tree.root.hex(),
            period=self.period,
            previous=self.previous,
            result_sha256=self.result_sha256,
            total_minor=sum(bill.amount_minor for bill in self.bills),
        )

    def bill(self, member: Hashable) -> dict[str, Any]:
        """Return what the leaf of a member binds, in the types that JSON knows.

        Raises
        ------
        GameError
            The member has no bill.
        """
        return self._leaf(self.bills[self._place(member)])

    def proof(self, member: Hashable) -> dict[str, Any]:
        """Return the proof of a member's bill: its place, how many there are, and the path.

        Raises
        ------
        GameError
            The member has no bill.
        """
        place = self._place(member)
        path = [beside.hex() for beside in self._tree.path(place)]
        return {"index": place, "count": len(self.bills), "path": path}

    def to_dict(self) -> dict[str, Any]:
        """Return everything, with the salts, in the types that JSON knows: keep it private."""
        return {
            "head": self.head.to_dict(),
            "currency": self.currency,
            "bills": [dict(vars(bill)) for bill in self.bills],
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Ledger:
        """Return the ledger that :meth:`to_dict` wrote, with everything computed again.

        Raises
        ------
        GameError
            A field is missing, unknown or of another type; or the bills do not have the head that
            stands beside them: the number, the total or the root differs.
        """
        ledger: _Kept = restored(_Kept, kept, {}, "")
        head = ledger.head
        made = cls(head.period, ledger.currency, ledger.bills, head.previous, head.result_sha256)
        for name in ("count", "total_minor", "merkle_root"):
            said, found = getattr(head, name), getattr(made.head, name)
            if said != found:
                raise GameError(f"head.{name} is {said}, but that of the bills is {found}")
        return made


@dataclass(frozen=True)
class LedgerVerdict:
    """What the hashes of a ledger show, and what they do not.

    Attributes
    ----------
    claim : str
        The statement that was checked.
    failures : tuple of str
        Why it does not hold; empty if it does.
    not_proved : tuple of str
        What it does not show, even if it holds.
    """

    claim: str
    failures: tuple[str, ...]
    not_proved: tuple[str, ...] = ()

    @property
    def state(self) -> Literal["proved", "refuted"]:
        """Whether the claim holds."""
        return "refuted" if self.failures else "proved"

    def __bool__(self) -> bool:
        return not self.failures


@dataclass(frozen=True)
class _Kept:
    """The schema of a ledger in a file."""

    head: LedgerHead
    currency: str
    bills: tuple[LedgerBill, ...]


def verify_bill(
    bill: Mapping[str, Any],
    proof: Mapping[str, Any],
    head: LedgerHead | Mapping[str, Any],
) -> LedgerVerdict:
    """Check that a bill is in the ledger of which a head was published.

    The same as ``python verify_bill.py bill.json head.json``, for members without this package.

    Parameters
    ----------
    bill, proof : mapping
        As :meth:`Ledger.bill` and :meth:`Ledger.proof` make them.
    head : LedgerHead or mapping
        What was published.

    Returns
    -------
    LedgerVerdict
        Refuted, with the reasons, where anything differs or is malformed.

    Notes
    -----
    At most ceil(log2 n) + 1 hashes. That everybody saw the same head, and that all bills add up to
    the total, is not shown by the proof of one bill.

    Examples
    --------
    >>> from decimal import Decimal
    >>> import sesgame as sg
    >>> ledger = sg.Ledger.of({"ann": Decimal("9.50")}, period="2024-06", currency="EUR")
    >>> other = {**ledger.bill("ann"), "amount_minor": 900}
    >>> sg.verify_bill(other, ledger.proof("ann"), ledger.head).failures
    ('the bill leads to another root than that of the head',)
    """
    published = head.to_dict() if isinstance(head, LedgerHead) else head
    wrong = failures(bill, proof, published)
    who = "the bill"
    if not wrong:
        who = f"the bill of {bill['member']} for {bill['period']} ({bill['amount_minor']} in the "
        who += f"smallest unit of {bill['currency']})"
    claim = f"{who} is in the ledger with this head"
    return LedgerVerdict(claim, tuple(wrong), NOT_PROVED)


def verify_heads(heads: Iterable[LedgerHead]) -> LedgerVerdict:
    """Check that each head names the one before, and that its period is later.

    Parameters
    ----------
    heads : iterable of LedgerHead
        Of all periods, from the first one that is to be trusted.

    Returns
    -------
    LedgerVerdict
        Refuted where a link is broken; the two periods are named.

    Raises
    ------
    GameError
        One of them is no head.

    Examples
    --------
    >>> import sesgame as sg
    >>> may, june = (sg.Ledger.of({}, period=p, currency="EUR") for p in ("2024-05", "2024-06"))
    >>> sg.verify_heads([may.head, june.head]).failures
    ('the head of 2024-06 does not name that of 2024-05 as the one before',)
    """
    chain = list(heads) if isinstance(heads, Iterable) else [heads]
    for head in chain:
        if not isinstance(head, LedgerHead):
            raise GameError(f"heads must be LedgerHeads, got {described(head)}")
    wrong = []
    for before, after in pairwise(chain):
        if after.previous != before.digest:
            wrong.append(
                f"the head of {after.period} does not name that of {before.period} as the one "
                f"before"
            )
        elif not _is_later(before.period, after.period):
            wrong.append(f"{after.period} comes after {before.period}, but is not later")
    claim = f"the {len(chain)} heads are one chain"
    return LedgerVerdict(claim, tuple(wrong), (SAME_HEADS,))


def _check_digest(name: str, value: object) -> None:
    if not isinstance(value, str) or not DIGEST.fullmatch(value):
        raise GameError(
            f"{name} must be 64 hexadecimal digits in lower case, got {described(value)}"
        )


def _check_period(period: str) -> None:
    if not period:
        raise GameError("period must be text, such as 2024-06, got no text")


def _is_later(before: str, after: str) -> bool:
    """Return whether a period is after another; whether they differ, where they are no dates."""
    if DATED.fullmatch(before) and DATED.fullmatch(after) and len(before) == len(after):
        return after > before
    return after != before


def _check_order(before: str, after: str) -> None:
    if not _is_later(before, after):
        raise GameError(f"period must be later than {before}, of the head before, got {after}")


def _minor_units(bills: Mapping[Hashable, Decimal]) -> list[int]:
    """Return amounts in the smallest unit of the currency."""
    amounts: list[int] = []
    first: Any = None
    for member, amount in bills.items():
        if not isinstance(amount, Decimal) or not amount.is_finite():
            raise AllocationError(
                f"the bill of {member} must be a finite Decimal, as rounded_bills makes it, got "
                f"{described(amount)}"
            )
        exponent = amount.as_tuple().exponent
        first = exponent if first is None else first
        if exponent != first or int(exponent) > 0:
            raise AllocationError(
                f"the bill of {member}, {amount}, has another number of decimals than the first; "
                f"all must be in the smallest unit of one currency"
            )
        amounts.append(int(amount.scaleb(-int(exponent), EXACT)))
    return amounts


def _digests_of(
    bills: Mapping[Hashable, Decimal],
    documents: Mapping[Hashable, Mapping[str, Any]] | None,
) -> list[str | None]:
    """Return the digest of each member's document, in the order of the bills."""
    if documents is None:
        return [None] * len(bills)
    if not isinstance(documents, Mapping):
        raise AllocationError(f"documents must be a mapping, got {described(documents)}")
    for member in [*bills, *documents]:
        if member not in documents:
            raise AllocationError(f"no document for {member}; each bill needs its own")
        if member not in bills:
            raise AllocationError(f"a document for {member}, who has no bill")
    try:
        return [digest_of(documents[member]) for member in bills]
    except (TypeError, ValueError) as error:
        raise AllocationError(
            f"a document must be of the types that JSON knows: {error}"
        ) from error
