"""Names that want to be markup, folders that cannot be written."""

import json

import pytest
import sesgame as sg
from fixtures.html_pages import assert_stands_alone
from sesgame.cli.command_line import main

NAMES = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title></svg><b>",
    "&lt;b&gt;",
    "a'b\"c`d",
    "{{ 7 * 7 }} ${7}",
    "\N{RIGHT-TO-LEFT OVERRIDE}evil",
    "bell\x07 and\x00 nul",
    "x" * 500,
    "-->",
]


def hostile_game(kind="cost"):
    return sg.Game.from_function(NAMES, lambda group: 3.0 * len(group) ** 0.5, kind=kind)


def test_names_never_become_markup():
    game = hostile_game()
    rules = {NAMES[0]: sg.shapley_value(game), NAMES[2]: sg.nucleolus(game)}
    result = sg.report(game, rules, name=NAMES[1], unit="<b>")
    pages = [result.to_html(), *(result.letter(name) for name in NAMES)]
    for html in pages:
        page = assert_stands_alone(html)
        assert "<b>" not in html
        assert "alert(1)" not in "".join(f"{attrs}" for tag, attrs in page.tags if tag != "section")
    table = assert_stands_alone(pages[0]).tables[0]
    seen = [name.replace("\x07", "\ufffd").replace("\x00", "\ufffd") for name in NAMES]
    assert [row[0] for row in table[1:-1]] == seen


def test_names_from_a_file_make_letters_inside_the_folder(tmp_path):
    players = ["../up", "/etc/x", "..", "a/../../b"]
    values = {"+".join(group): 1.0 for group in _groups(players)}
    game = {"kind": "gain", "players": players, "values": values}
    (tmp_path / "game.json").write_text(json.dumps(game))
    out = tmp_path / "deep" / "out"
    arguments = ["solve", str(tmp_path / "game.json"), "--rule", "shapley", "--out", str(out)]
    assert main([*arguments, "--letters"]) == 0
    made = {path.name for path in (out / "letters").iterdir()}
    assert made == {"up.html", "etc-x.html", "member.html", "a-b.html"}
    assert {path.name for path in tmp_path.iterdir()} == {"game.json", "deep"}
    assert not (out / "report.html").exists()


def _groups(players):
    for mask in range(1, 1 << len(players)):
        yield [player for place, player in enumerate(players) if mask >> place & 1]


@pytest.mark.parametrize("name", ["report", "letters"])
def test_a_page_needs_a_folder(name, capsys):
    assert main(["allocate", "nowhere", f"--{name}"]) == 2
    error = capsys.readouterr().err
    assert error == f"sesgame: --{name} needs a folder to write to: --out FOLDER\n"


@pytest.mark.parametrize(
    ("option", "prepare", "message"),
    [
        pytest.param(
            "--report", lambda out: (out / "report.html").mkdir(), "is a folder", id="page"
        ),
        pytest.param(
            "--letters", lambda out: (out / "letters").write_text(""), "letters: File", id="letters"
        ),
    ],
)
def test_what_cannot_be_written_is_found_before_anything_else(
    option, prepare, message, capsys, tmp_path
):
    prepare(tmp_path)
    assert main(["allocate", "nowhere", "--out", str(tmp_path), option]) == 2
    error = capsys.readouterr().err
    assert "nothing can be written to the folder" in error
    assert message in error


def test_letters_without_bills_are_refused_and_nothing_is_written(capsys, tmp_path):
    (tmp_path / "game.csv").write_text(
        "coalition,gain\na,0\nb,0\nc,0\na+b,1\na+c,1\nb+c,0\na+b+c,1\n"
    )
    out = tmp_path / "out"
    arguments = ["solve", str(tmp_path / "game.csv"), "--rule", "banzhaf", "--out", str(out)]
    assert main([*arguments, "--letters"]) == 2
    assert "no letters can be written: none of the rules is efficient" in capsys.readouterr().err
    assert [path.name for path in out.rglob("*")] == ["letters"]
