"""Models in MPS and LP files: what has one reading is read, all else is refused by its line."""

import numpy as np
import pytest
from sesgame import adapters
from sesgame.adapters import lp_file, mps_file
from sesgame.errors import GameError

MEMBERS = {"ann": "z_ann", "bob": "z_bob"}

LP = r"""\ a village
Minimize
 cost: 4 bought
Subject To
 need: bought - 2 z_ann
   - 3 z_bob >= 0
Bounds
 bought <= 10
End
"""

MPS = """* a village
NAME village
ROWS
 N cost
 G need
COLUMNS
 bought cost 4 need 1
 z_ann need -2
 z_bob need -3
RHS
 rhs need 0
BOUNDS
 UP bnd bought 10
ENDATA
"""


@pytest.fixture
def table(tmp_path):
    def of(text, ending, membership=MEMBERS):
        path = tmp_path / f"village{ending}"
        path.write_text(text)
        return adapters.model_file(path, membership).tabulate().round(9).tolist()

    return of


def test_a_file_is_read(table):
    assert table(LP, ".lp") == table(MPS, ".mps") == [0.0, 8.0, 12.0, 20.0]


def test_without_a_mapping_players_are_called_as_their_variables(tmp_path):
    path = tmp_path / "village.LP"
    path.write_text(LP)
    game = adapters.model_file(str(path), ["z_bob", "z_ann"])
    assert list(game.players) == ["z_bob", "z_ann"]
    assert game.value(["z_bob"]) == 12.0


@pytest.mark.parametrize(
    ("old", "new", "values"),
    [
        pytest.param("4 bought", "4 bought + [ 2 bought ^2 ] / 2", [0, 12, 21, 45], id="square"),
        pytest.param("bought <= 10", "3 <= bought <= 10", None, id="two bounds"),
        pytest.param("End", "General\n bought\nEnd", [0, 8, 12, 20], id="integer"),
        pytest.param("End", "Semi-continuous\n bought\nEnd", [0, 8, 12, 20], id="semi"),
        pytest.param(
            " bought <= 10\n",
            " 3 <= bought <= 10\nSemi\n bought\n",
            [0, 12, 12, 20],
            id="0, or at least 3",
        ),
        pytest.param("Bounds", "Bounds\n -inf <= z_ann <= +inf", [0, 8, 12, 20], id="infinity"),
        pytest.param("4 bought", "4 bought + 0", [0, 8, 12, 20], id="constant"),
    ],
)
def test_an_lp_file_counts(old, new, values, table):
    assert old in LP
    text = LP.replace(old, new, 1)
    if values is None:
        with pytest.raises(GameError, match=r"without members the model is worth 12, not 0"):
            table(text, ".lp")
    else:
        assert table(text, ".lp") == values


@pytest.mark.parametrize(
    ("old", "new", "values"),
    [
        pytest.param("BOUNDS", "RANGES\n rng need 1\nBOUNDS", [0.0, 8.0, 12.0, 20.0], id="a range"),
        pytest.param(
            "ENDATA", "QUADOBJ\n bought bought 2\nENDATA", [0, 12, 21, 45], id="a triangle"
        ),
        pytest.param("ENDATA", "QMATRIX\n bought bought 2\nENDATA", [0, 12, 21, 45], id="a matrix"),
        pytest.param(
            " UP bnd bought 10",
            " LO bnd bought 3\n SC bnd bought 10",
            [0, 12, 12, 20],
            id="0, or at least 3",
        ),
        pytest.param("UP bnd bought 10", "UI bnd bought 10", [0, 8, 12, 20], id="integer"),
        pytest.param("UP bnd bought 10", "UP bought 10", [0, 8, 12, 20], id="no set"),
        pytest.param("UP bnd bought 10", "PL bnd bought", [0, 8, 12, 20], id="no bound"),
    ],
)
def test_an_mps_file_counts(old, new, values, table):
    assert old in MPS
    assert table(MPS.replace(old, new, 1), ".mps") == values


@pytest.mark.parametrize("title", ["MAX", "Maximise", "maximum"])
def test_a_file_that_maximises_is_a_gain_game(title, tmp_path):
    for ending, text in {
        ".lp": LP.replace("Minimize", title).replace("4 bought", "- 4 bought"),
        ".mps": MPS.replace("ROWS", "OBJSENSE\n MAX\nROWS").replace("cost 4", "cost -4"),
    }.items():
        path = tmp_path / f"village{ending}"
        path.write_text(text)
        game = adapters.model_file(path, MEMBERS)
        assert game.kind == "gain"
        assert game.value(["ann", "bob"]) == pytest.approx(-20)


def test_a_sense_on_the_line_of_its_title_counts(tmp_path):
    path = tmp_path / "village.mps"
    path.write_text(MPS.replace("ROWS", "OBJSENSE MAX\nROWS").replace("cost 4", "cost -4"))
    assert adapters.model_file(path, MEMBERS).kind == "gain"


@pytest.mark.parametrize("section", [name for name, f in lp_file.SECTIONS.items() if f.is_refused])
def test_a_section_of_an_lp_file_is_refused_by_name(section, table):
    title = {"general constraints": "General Constraints"}.get(section, section)
    with pytest.raises(GameError, match=rf"village.lp, line 9, holds '{section}', which is"):
        table(LP.replace("End", f"{title}\n c: bought <= 3\nEnd"), ".lp")


@pytest.mark.parametrize("section", [name for name, f in mps_file.SECTIONS.items() if f.is_refused])
def test_a_section_of_an_mps_file_is_refused_by_name(section, table):
    with pytest.raises(GameError, match=rf"village.mps, line 14, holds '{section}', which is"):
        table(MPS.replace("ENDATA", f"{section}\n bought 1\nENDATA"), ".mps")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("End", "Cones\n c: bought <= 3\nEnd", "'Cones' is in no", id="made up"),
        pytest.param("Bounds", "user data\n bought <= 3\nBounds", "without a sign", id="words"),
        pytest.param("4 bought", "4 bought bought", "without a sign", id="two variables"),
        pytest.param("4 bought", "4 bought + bought", "a second term", id="a second term"),
        pytest.param("need: bought", "need: 3 + bought", "terms on the left", id="a constant"),
        pytest.param(">= 0", ">= 0 <= 9", "two sides", id="two sides"),
        pytest.param(">= 0", ">= z_ann", "'z_ann' where a number", id="no number"),
        pytest.param(">= 0", ">= nan", "'nan' where a number", id="not a number"),
        pytest.param("need: bought", "need: z_ann = 1 -> bought", "'->'", id="indicator"),
        pytest.param("need: bought", "need: [ bought ^2 ] +", "terms alone", id="quadratic row"),
        pytest.param("4 bought", "[ bought ^ 3 ] / 2", "another power", id="a cube"),
        pytest.param("4 bought", "[ bought ^ 2 ]", "divided by 2", id="not halved"),
        pytest.param("bought <= 10", "bought <= -1", "negative|-1 and no lower", id="negative"),
        pytest.param("bought <= 10", "bought <= 1\n bought <= 2", "a second upper", id="twice"),
        pytest.param("bought <= 10", "sold <= 10", "'sold' is in no constraint", id="unknown"),
        pytest.param("Bounds", " need: bought >= 1\nBounds", "a second constraint", id="a name"),
        pytest.param("End", "Binary\n bought\nEnd", "bounds of its own", id="a binary's bounds"),
        pytest.param("Bounds", "st\n bought >= 1\nBounds", "a second section", id="a section"),
        pytest.param("End\n", "", "ends without End", id="no end"),
        pytest.param("End\n", "End\n bought\n", "in no section", id="after the end"),
        pytest.param("Minimize", "bought\nMinimize", "in no section", id="before the beginning"),
    ],
)
def test_what_has_no_reading_in_an_lp_file_is_refused(old, new, message, table):
    assert old in LP
    with pytest.raises(GameError, match=message):
        table(LP.replace(old, new, 1), ".lp")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("ENDATA", "CONES\nENDATA", "holds 'CONES', of which", id="made up"),
        pytest.param("UP bnd", "ZZ bnd", "holds 'ZZ', of which", id="a made-up bound"),
        pytest.param("UP bnd", "XM bnd", "holds 'XM', which is refused", id="a refused bound"),
        pytest.param(" G need", " N other\n G need", "a second row of type N", id="N"),
        pytest.param(" N cost", " L cost", "no row of type N", id="no objective"),
        pytest.param(" G need", " X need", "type 'X'", id="a type"),
        pytest.param(" G need", " G need\n L need", "a second row 'need'", id="a row twice"),
        pytest.param("z_bob need -3", "z_bob need -3\n bought need 1", "a second column", id="col"),
        pytest.param("z_bob need -3", "z_bob need -3 need 4", "a second number", id="twice"),
        pytest.param("z_bob need -3", "z_bob nid -3", "unknown row 'nid'", id="unknown row"),
        pytest.param("z_bob need -3", "z bob need -3", "names no blanks", id="blanks"),
        pytest.param("z_bob need -3", "z_bob need -3D0", "'-3D0' is not a number", id="number"),
        pytest.param("rhs need 0", "rhs need nan", "'nan' is not a number", id="nan"),
        pytest.param("rhs need 0", "rhs need 0\n other need 2", "a second|the sets", id="set"),
        pytest.param("rhs need 0", "need need 0", "can be the name of a set", id="row or set"),
        pytest.param("BOUNDS", "RANGES\n rng cost 1\nBOUNDS", "has no range", id="range"),
        pytest.param("RHS", "RANGES\n rng need 1\nRHS", "RHS has to come before", id="order"),
        pytest.param("bought 10", "bought -1", "-1 and no lower one", id="negative"),
        pytest.param("bought 10", "bought 10\n UP bnd bought 9", "a second upper", id="bounds"),
        pytest.param("bought 10", "sold 10", "unknown column 'sold'", id="unknown column"),
        pytest.param("UP bnd bought 10", "UI bnd bought 1.5", "the bound 1.5", id="fraction"),
        pytest.param("ENDATA\n", "", "ends without ENDATA", id="no end"),
        pytest.param("ROWS", "OBJSENSE BEST\nROWS", "MIN or MAX", id="sense"),
        pytest.param("ROWS", "OBJSENSE MAXIMIZE\nROWS", "HiGHS reads other obj", id="ignored"),
        pytest.param("* a village", "*SENSE:Maximize", "only|with_objsense", id="a comment"),
        pytest.param(
            " bought cost",
            " M 'MARKER' 'INTORG'\n idle cost 1\n M 'MARKER' 'INTEND'\n bought cost",
            "integer column 'idle' has no bound",
            id="binary or not",
        ),
        pytest.param(" bought cost", " M 'MARKER' 'SOSORG'\n bought cost", "'SOSORG'", id="sos"),
        pytest.param(
            "ENDATA", "QMATRIX\n bought z_ann 2\nENDATA", "not symmetric", id="not symmetric"
        ),
    ],
)
def test_what_has_no_reading_in_an_mps_file_is_refused(old, new, message, table):
    assert old in MPS
    with pytest.raises(GameError, match=message):
        table(MPS.replace(old, new, 1), ".mps")


def test_tiny_coefficients_that_highs_drops_are_refused(table):
    with pytest.raises(GameError, match=r"HiGHS reads other coefficients in village.mps"):
        table(MPS.replace("z_bob need -3", "z_bob need -1e-10"), ".mps")


@pytest.mark.parametrize(
    ("membership", "message"),
    [
        pytest.param({"ann": "z_ann", "bob": "z_bab"}, "no variable 'z_bab'", id="unknown"),
        pytest.param({"ann": "z_ann", "bob": "z_ann"}, "'ann' and 'bob' have the same", id="same"),
        pytest.param("z_ann", "not the text 'z_ann'", id="text"),
        pytest.param(3, "a mapping or a list of names", id="a number"),
        pytest.param({"ann": 0}, "no variable 0", id="a column"),
    ],
)
def test_a_membership_that_is_no_variable_is_refused(membership, message, table):
    with pytest.raises(GameError, match=message):
        table(LP, ".lp", membership)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(GameError, match=r"village.txt: a model file ends in .mps or .lp"):
        adapters.model_file(tmp_path / "village.txt", MEMBERS)
    with pytest.raises(GameError, match=r"none.lp cannot be read"):
        adapters.model_file(tmp_path / "none.lp", MEMBERS)
    (tmp_path / "bytes.lp").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GameError, match=r"bytes.lp cannot be read"):
        adapters.model_file(tmp_path / "bytes.lp", MEMBERS)
    with pytest.raises(GameError, match=r"a path is needed, not 3"):
        adapters.model_file(3, MEMBERS)


def test_rows_without_names_and_ranges_have_their_sides(tmp_path):
    text = MPS.replace("BOUNDS", "RANGES\n rng need -4\nBOUNDS").replace(" G need", " E need")
    named = mps_file.read_mps(text.splitlines(), "village.mps")
    assert (named.rows["need"].lower, named.rows["need"].upper) == (-4.0, 0.0)
    named = lp_file.read_lp(LP.replace("need: ", "").splitlines(), "village.lp")
    assert named.rows["row 1"].upper == np.inf
