"""A ledger of 100,000 bills and all their proofs, beside the hashes that it cannot do without.

    python -m pytest -s benches/test_ledger.py

Processor time, so that what else the machine does counts little.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from time import process_time

import sesgame as sg

N_MEMBERS = 100_000


def test_ledger() -> None:
    bills = {f"m{i:06}": Decimal(i).scaleb(-2) for i in range(N_MEMBERS)}
    start = process_time()
    ledger = sg.Ledger.of(bills, period="2024-06", currency="EUR")
    head = ledger.head
    made = process_time() - start
    start = process_time()
    paths = [ledger.proof(member)["path"] for member in bills]
    proved = process_time() - start
    start = process_time()
    for _ in range(2 * N_MEMBERS - 1):
        hashlib.sha256(b"\x01" + b"." * 64).digest()
    hashed = process_time() - start
    assert sg.verify_bill(ledger.bill("m000005"), ledger.proof("m000005"), head)
    print(
        f"\n{N_MEMBERS:,} bills: ledger {made:.2f} s ({made / hashed:.1f} times its "
        f"{2 * N_MEMBERS - 1:,} hashes), all proofs {proved:.2f} s, of at most "
        f"{max(map(len, paths))} hashes"
    )
