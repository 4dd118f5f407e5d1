"""The ledger of bills: published vectors, round trips, and whatever somebody changes."""

import copy
import json
import subprocess
import sys
from decimal import Decimal

import pytest
import sesgame as sg
from hypothesis import given
from hypothesis import strategies as st
from sesgame.settlement import verify_bill as standalone
from sesgame.settlement.ledger import LedgerBill
from sesgame.settlement.merkle_tree import MerkleTree

# Test vectors of Certificate Transparency: leaves, the roots of the first n of them, and a path.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
PATH_OF_LEAF_5 = [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]


@pytest.mark.parametrize("n", ROOTS)
def test_the_root_is_that_of_the_published_vectors(n):
    assert MerkleTree(LEAVES[:n]).root.hex() == ROOTS[n]


def test_the_path_is_that_of_the_published_vectors():
    assert [beside.hex() for beside in MerkleTree(LEAVES).path(5)] == PATH_OF_LEAF_5


def test_the_root_is_that_of_the_recursive_definition():
    def root(leaves):
        if len(leaves) == 1:
            return standalone.leaf_hash(leaves[0])
        k = 1
        while 2 * k < len(leaves):
            k *= 2
        return standalone.node_hash(root(leaves[:k]), root(leaves[k:]))

    for n in range(1, 70):
        leaves = [str(i).encode() for i in range(n)]
        assert MerkleTree(leaves).root == root(leaves)


def test_every_path_leads_to_the_root_from_its_own_leaf_and_place_alone():
    for n in range(1, 60):
        leaves = [str(i).encode() for i in range(n)]
        tree = MerkleTree(leaves)
        for i, leaf in enumerate(leaves):
            path, own = tree.path(i), standalone.leaf_hash(leaf)
            assert standalone.root_of(own, i, n, path) == tree.root
            assert len(path) <= (n - 1).bit_length()
            assert standalone.root_of(standalone.leaf_hash(b"other"), i, n, path) != tree.root
            assert standalone.root_of(own, i, n, [*path, b"0" * 32]) is None
            assert standalone.root_of(own, n, n, path) is None
            if n > 1:
                assert standalone.root_of(own, (i + 1) % n, n, path) != tree.root


def by_hand():
    amounts = {"m001": -35467, "m002": -6114, "m003": -11504}
    bills = tuple(
        LedgerBill(member, amount, f"{number:02x}" * 16)
        for number, (member, amount) in enumerate(amounts.items(), 1)
    )
    return sg.Ledger("2016-06", "EUR", bills)


def test_the_leaf_is_json_with_sorted_keys_and_without_spaces():
    assert standalone.canonical(by_hand().bill("m001")) == (
        b'{"amount_minor":-35467,"currency":"EUR","member":"m001","period":"2016-06",'
        b'"salt":"01010101010101010101010101010101"}'
    )


def test_three_bills_have_the_head_that_was_computed_without_this_code():
    head = by_hand().head
    assert head.merkle_root == "dfca5ff764de7bfca5eceb2d5622698f61a282e1150fd11cf204e35afb74ac26"
    assert head.digest == "a6867c23af7847c459b10e492eed72d8b0a880106556d7b6fb6c0da4d129f984"
    assert head.total_minor == -53085


MEMBERS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
AMOUNTS = st.integers(-(10**9), 10**9).map(lambda cents: Decimal(cents).scaleb(-2))
BILLS = st.dictionaries(MEMBERS, AMOUNTS, min_size=1, max_size=20)


@given(BILLS, st.booleans())
def test_every_member_can_check_the_own_bill(bills, with_documents):
    documents = {member: {"lines": [str(bill)]} for member, bill in bills.items()}
    ledger = sg.Ledger.of(
        bills, period="2024-06", currency="EUR", documents=documents if with_documents else None
    )
    for member in bills:
        assert sg.verify_bill(ledger.bill(member), ledger.proof(member), ledger.head)
    assert Decimal(ledger.head.total_minor).scaleb(-2) == sum(bills.values())
    again = sg.Ledger.from_dict(json.loads(json.dumps(ledger.to_dict())))
    assert again == ledger
    assert again.head == ledger.head


@given(BILLS, st.data())
def test_whatever_is_changed_is_refuted(bills, data):
    documents = {member: {"payee": "ann"} for member in bills}
    ledger = sg.Ledger.of(bills, period="2024-06", currency="EUR", documents=documents)
    member = data.draw(st.sampled_from(list(bills)))
    bill, proof = ledger.bill(member), ledger.proof(member)
    head = ledger.head.to_dict()
    what = {"bill": bill, "proof": proof, "head": head}
    part = data.draw(st.sampled_from(list(what)))
    field = data.draw(st.sampled_from(list(what[part])))
    if part == "head" and field in ("previous", "result_sha256", "total_minor"):
        return  # a bill says nothing of these: the digest of the head does
    forged = copy.deepcopy(what)
    value = forged[part][field]
    forged[part][field] = (
        value + data.draw(st.sampled_from([-1, 1]))
        if isinstance(value, int)
        else [*value, "0" * 64]
        if isinstance(value, list)
        else value[:-1] + ("1" if value[-1] != "1" else "2")
    )
    if forged[part][field] == value:
        return
    found = sg.verify_bill(forged["bill"], forged["proof"], forged["head"])
    assert found.state == "refuted"
    assert found.failures


@given(BILLS)
def test_another_total_has_another_digest(bills):
    head = sg.Ledger.of(bills, period="2024-06", currency="EUR").head
    for field in ("previous", "result_sha256"):
        forged = sg.LedgerHead(**{**head.to_dict(), field: "1" * 64})
        assert forged.digest != head.digest
    assert sg.LedgerHead(**{**head.to_dict(), "total_minor": 1 + head.total_minor}).digest != (
        head.digest
    )


def test_another_document_is_another_bill_with_the_same_amount():
    bills = {"ann": Decimal("9.50")}
    ledger = sg.Ledger.of(
        bills, period="2024-06", currency="EUR", documents={"ann": {"payee": "the community"}}
    )
    forged = {**ledger.bill("ann"), "document": standalone.digest_of({"payee": "somebody else"})}
    assert not sg.verify_bill(forged, ledger.proof("ann"), ledger.head)


def test_salts_are_drawn_anew():
    bills = {"ann": Decimal("9.50"), "bob": Decimal("9.50")}
    one, other = (sg.Ledger.of(bills, period="2024-06", currency="EUR") for _ in range(2))
    assert one.head.merkle_root != other.head.merkle_root
    assert len({bill.salt for bill in (*one.bills, *other.bills)}) == 4


def test_a_chain_breaks_where_a_period_was_changed():
    bills, heads = {"ann": Decimal("9.50")}, []
    for period in ("2024-05", "2024-06", "2024-07"):
        previous = heads[-1] if heads else None
        ledger = sg.Ledger.of(bills, period=period, currency="EUR", previous=previous)
        heads.append(ledger.head)
    assert sg.verify_heads(heads)
    heads[0] = sg.LedgerHead(**{**heads[0].to_dict(), "total_minor": 1})
    assert sg.verify_heads(heads).failures == (
        "the head of 2024-06 does not name that of 2024-05 as the one before",
    )


def test_a_head_that_names_an_earlier_period_as_the_next_is_refuted():
    may = sg.Ledger.of({}, period="2024-05", currency="EUR").head
    april = sg.Ledger("2024-04", "EUR", (), may.digest).head
    assert sg.verify_heads([may, april]).failures == (
        "2024-04 comes after 2024-05, but is not later",
    )


def test_the_program_for_members_needs_nothing_else(tmp_path):
    ledger = by_hand()
    bill = {"bill": ledger.bill("m002"), "proof": ledger.proof("m002")}
    head = tmp_path / "head.json"
    head.write_text(json.dumps(ledger.head.to_dict()), encoding="utf-8")
    program = tmp_path / "verify_bill.py"
    with open(standalone.__file__, encoding="utf-8") as source:
        program.write_text(source.read(), encoding="utf-8")

    def run(kept):
        path = tmp_path / "bill.json"
        path.write_text(json.dumps(kept), encoding="utf-8")
        command = [sys.executable, "-I", "-S", str(program), str(path), str(head)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    good = run(bill)
    assert good.returncode == 0
    assert good.stdout.startswith("proved: the bill of m002 for 2016-06 is in this ledger")
    assert ledger.head.digest in good.stdout
    bill["bill"]["amount_minor"] = 0
    forged = run(bill)
    assert forged.returncode == 1
    assert forged.stdout == "refuted: the bill leads to another root than that of the head\n"
    malformed = run({"bill": 3})
    assert malformed.returncode == 1
    assert "the bill must be an object" in malformed.stdout


@pytest.mark.parametrize(
    ("bills", "message"),
    [
        pytest.param({"ann": 9.5}, "ann must be a finite Decimal", id="float"),
        pytest.param({"ann": Decimal("NaN")}, "ann must be a finite Decimal", id="NaN"),
        pytest.param(
            {"ann": Decimal("9.50"), "bob": Decimal("9.5")},
            "bob, 9.5, has another number of decimals",
            id="decimals",
        ),
        pytest.param({"ann": Decimal("9E+2")}, "ann, 9E", id="exponent"),
        pytest.param({1: Decimal(1), "1": Decimal(1)}, "have the same text", id="labels"),
    ],
)
def test_a_bill_that_is_none_is_named(bills, message):
    with pytest.raises(sg.errors.SesgameError, match=message):
        sg.Ledger.of(bills, period="2024-06", currency="EUR")


def test_bad_input_is_named():
    bills = {"ann": Decimal("9.50")}
    ledger = sg.Ledger.of(bills, period="2024-06", currency="EUR")
    refused = sg.errors.SesgameError
    for later in ("2024-06", "2024-05"):
        with pytest.raises(refused, match="period must be later than 2024-06"):
            sg.Ledger.of(bills, period=later, currency="EUR", previous=ledger.head)
    with pytest.raises(refused, match="no document for ann"):
        sg.Ledger.of(bills, period="2024-06", currency="EUR", documents={})
    with pytest.raises(refused, match="a document for bob, who has no bill"):
        sg.Ledger.of(bills, period="2024-06", currency="EUR", documents={"ann": {}, "bob": {}})
    with pytest.raises(refused, match="no bill of str 'bob' in the ledger; there are ann"):
        ledger.proof("bob")
    with pytest.raises(refused, match="duplicate bill of ann"):
        sg.Ledger("2024-06", "EUR", (*ledger.bills, *ledger.bills))
    with pytest.raises(refused, match="the salt of ann must be 32 hexadecimal digits"):
        LedgerBill("ann", 1, "")
    kept = ledger.to_dict()
    kept["bills"][0]["amount_minor"] += 1
    with pytest.raises(refused, match=r"head.total_minor is 950, but that of the bills is 951"):
        sg.Ledger.from_dict(kept)
    with pytest.raises(refused, match="salt"):
        sg.Ledger.from_dict(
            {**ledger.to_dict(), "bills": [{"member": "ann", "amount_minor": 1, "document": None}]}
        )
