import sys

import pytest
from fixtures.small_community import write_community
from sesgame.cli.command_line import main


def run(capsys, *arguments):
    """Return the exit code and what the command says on standard error."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as leaving:
        code = leaving.code
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["allocate", "nowhere"], "sesgame: no such folder: nowhere\n", id="folder"),
        pytest.param(["solve", "nowhere.csv"], "no such file: nowhere.csv\n", id="file"),
        pytest.param(["compare", "nowhere"], "no such file or folder: nowhere\n", id="neither"),
        pytest.param(
            ["allocate", ".", "--rules", "fair"],
            'unknown rule "fair"; choose',
            id="rule",
        ),
        pytest.param(["allocate", ".", "--rules", ""], 'unknown rule ""', id="no rule"),
        pytest.param(["allocate", ".", "--model", "milp"], "invalid choice: 'milp'", id="model"),
        pytest.param([], "required: COMMAND; see sesgame --help", id="no command"),
        pytest.param(["divide"], "invalid choice: 'divide'", id="command"),
        pytest.param(
            ["compare", __file__, "--start", "2016-06-01"],
            "--start is for communities",
            id="start",
        ),
    ],
)
def test_a_wrong_command_gets_one_line_and_exit_code_2(capsys, arguments, message):
    code, error = run(capsys, *arguments)
    assert code == 2
    assert message in error
    assert error.count("\n") == 1


def test_a_mistake_in_a_file_gets_one_line_and_exit_code_2(capsys, tmp_path):
    folder = write_community(tmp_path, tariff="buy_eur_per_kwh,sell_eur_per_kwh\n0.1,0.2\n")
    code, error = run(capsys, "allocate", folder)
    assert code == 2
    assert error.startswith(
        "sesgame: at 2016-06-01T10:00 energy is bought for 0.1 and sold for 0.2"
    )
    assert error.count("\n") == 1


def test_an_output_folder_that_cannot_be_written_is_found_before_anything_else(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, error = run(capsys, "allocate", "nowhere", "--out", tmp_path / "file" / "out")
    assert code == 2
    assert error == (
        f"sesgame: nothing can be written to the folder {tmp_path / 'file' / 'out'}: "
        f"Not a directory\n"
    )


def test_a_result_that_would_replace_a_folder_is_found_before_anything_else(capsys, tmp_path):
    (tmp_path / "bills.csv").mkdir()
    code, error = run(capsys, "allocate", "nowhere", "--out", tmp_path)
    assert code == 2
    assert "bills.csv is a folder" in error


def test_an_empty_period_is_named(capsys, tmp_path):
    folder = write_community(tmp_path)
    code, error = run(capsys, "allocate", folder, "--start", "2016-06-02", "--end", "2016-06-01")
    assert code == 2
    assert "the period from 2016-06-02T00:00 to 2016-06-01T00:00 is empty" in error


def test_a_comparison_that_cannot_be_written_is_found_before_anything_else(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    for option in ("--csv", "--json", "--plot"):
        code, error = run(capsys, "compare", "nowhere", option, tmp_path / "file" / "rules.csv")
        assert code == 2
        assert error.startswith(
            f"sesgame: nothing can be written to the folder {tmp_path / 'file'}"
        )


def test_a_picture_of_an_unknown_kind_is_refused_in_one_line(capsys, tmp_path):
    game = tmp_path / "game.csv"
    game.write_text("coalition,cost\nann,4\n")
    assert main(["compare", str(game), "--plot", str(tmp_path / "rules.nonsense")]) == 2
    error = capsys.readouterr().err
    assert "rules.nonsense cannot be drawn: Format 'nonsense' is not supported" in error
    assert error.count("\n") == 1


def test_a_picture_without_matplotlib_is_refused_before_anything_else(
    capsys, monkeypatch, tmp_path
):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, error = run(capsys, "compare", "nowhere", "--plot", tmp_path / "rules.png")
    assert code == 2
    assert error == 'sesgame: pictures need matplotlib: pip install "sesgame[plot]"\n'


def test_only_a_comparison_takes_all_rules(capsys):
    code, error = run(capsys, "allocate", "nowhere", "--rules", "all")
    assert code == 2
    assert 'unknown rule "all"; choose from shapley, ' in error
