"""Sets of results: whole or not at all, over no input, and nobody else's file is touched."""

import errno
import hashlib
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sesgame.errors import SesgameError
from sesgame.files import output_files
from sesgame.files.output_files import OutputFiles
from sesgame.files.output_folder import MANIFEST, OutputFolder

OLD = {"bills.csv": "old bills", "result.json": "old result", "letters/ann.html": "old letter"}
NEW = {"bills.csv": "new bills", "result.json": "new result", "letters/bob.html": "new letter"}


def write(folder, contents, inputs=()):
    return OutputFolder(folder, [], inputs).write(contents)


def files_of(folder):
    """Return everything in a folder, but the list of what is ours."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }


def test_a_set_takes_the_place_of_the_one_before(tmp_path):
    write(tmp_path / "out", OLD)
    (tmp_path / "out" / "letters" / "notes.txt").write_text("mine")
    written = write(tmp_path / "out", NEW)
    assert written == [tmp_path / "out" / name for name in NEW]
    assert files_of(tmp_path / "out") == {**NEW, "letters/notes.txt": "mine"}
    write(tmp_path / "out", {"result.json": "alone"})
    assert files_of(tmp_path / "out") == {"result.json": "alone", "letters/notes.txt": "mine"}


def test_an_empty_folder_of_letters_goes_with_the_last_letter(tmp_path):
    write(tmp_path, OLD)
    write(tmp_path, {"result.json": "alone"})
    assert not (tmp_path / "letters").exists()


def test_the_list_is_what_sha256sum_checks(tmp_path):
    write(tmp_path, OLD)
    for line in (tmp_path / MANIFEST).read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
        assert OLD[name]


def test_what_somebody_has_changed_or_brought_stays(tmp_path):
    write(tmp_path, OLD)
    (tmp_path / "letters" / "ann.html").write_text("with a note by hand")
    (tmp_path / "letters" / "carl.html").write_text("by somebody else")
    write(tmp_path, NEW)
    assert files_of(tmp_path) == {
        **NEW,
        "letters/ann.html": "with a note by hand",
        "letters/carl.html": "by somebody else",
    }


@pytest.mark.parametrize(
    "name", ["../precious.txt", "/etc/hostname", "a/../../precious.txt", "link/precious.txt", "way"]
)
def test_a_list_that_leads_elsewhere_removes_nothing(tmp_path, name):
    precious = tmp_path / "precious.txt"
    precious.write_text("precious")
    out = tmp_path / "out"
    write(out, OLD)
    (out / "link").symlink_to(tmp_path)
    (out / "way").symlink_to(precious)
    digest = hashlib.sha256(b"precious").hexdigest()
    (out / MANIFEST).write_text(f"{digest}  {name}\n{digest}  {tmp_path}/precious.txt\n")
    write(out, NEW)
    assert precious.read_text() == "precious"
    assert (out / "way").is_symlink()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x" * 1000, b"\0" * 100, b"0  0\n" * 99])
def test_a_list_that_is_none_removes_nothing(tmp_path, content):
    write(tmp_path, OLD)
    (tmp_path / MANIFEST).write_bytes(content)
    write(tmp_path, NEW)
    assert files_of(tmp_path) == {**OLD, **NEW}


def test_an_input_is_not_a_leftover(tmp_path):
    write(tmp_path, {**OLD, "game.csv": "coalition,gain"})
    write(tmp_path, NEW, [tmp_path / "game.csv"])
    assert files_of(tmp_path) == {**NEW, "game.csv": "coalition,gain"}


def full_after(count, calls):
    """Return an os.replace, and the like, that fails at one call as a full or broken disk does."""
    left = [count]

    def wrapped(function):
        def call(*arguments, **options):
            if Path(arguments[0]).name.startswith(".sesgame-") and function.__name__ == "unlink":
                return function(*arguments, **options)  # of a probe, which has taken no room
            if left[0] == 0:
                left[0] = -1
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left[0] -= 1
            return function(*arguments, **options)

        return call

    return {name: wrapped(function) for name, function in calls.items()}


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("count", range(24))
def test_a_failure_at_any_moment_leaves_all_or_nothing(tmp_path, monkeypatch, count, links):
    write(tmp_path, OLD)
    before = files_of(tmp_path)
    manifest = (tmp_path / MANIFEST).read_text()
    if not links:  # as on file systems that have none

        def refused(*arguments, **options):
            if not os.path.lexists(arguments[0]):
                raise FileNotFoundError(errno.ENOENT, "not there")
            raise PermissionError(errno.EPERM, "no links here")

        monkeypatch.setattr(output_files.os, "link", refused)
    real = {"write_bytes": Path.write_bytes, "mkdir": Path.mkdir, "unlink": Path.unlink}
    failing = full_after(count, {**real, "replace": os.replace, "rename": os.rename})
    folder = OutputFolder(tmp_path, [])
    with monkeypatch.context() as patch:
        for name in real:
            patch.setattr(Path, name, failing[name])
        for name in ("replace", "rename"):
            patch.setattr(output_files.os, name, failing[name])
        try:
            folder.write(NEW)
        except SesgameError as error:
            assert "No space left on device" in str(error)  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
            failed = True
        else:
            failed = False
    assert files_of(tmp_path) == (before if failed else NEW)
    if failed:
        assert (tmp_path / MANIFEST).read_text() == manifest
    assert not list(tmp_path.rglob(".sesgame-*"))


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_an_interrupt_between_two_files_leaves_what_was_there(tmp_path, monkeypatch, stop):
    write(tmp_path, OLD)
    replace, calls = os.replace, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise stop
        return replace(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(output_files.os, "replace", interrupted)
        with pytest.raises(stop):
            write(tmp_path, NEW)
    assert files_of(tmp_path) == OLD


def test_what_cannot_be_put_back_is_not_thrown_away(tmp_path, monkeypatch):
    write(tmp_path, OLD)
    replace, calls = os.replace, []

    def broken(*arguments):
        calls.append(arguments)
        if len(calls) > 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return replace(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(output_files.os, "replace", broken)
        with pytest.raises(SesgameError, match=r"nor put back as it was .*; what was there is in"):
            write(tmp_path, NEW)
    kept = {path.read_text() for path in tmp_path.glob(".sesgame-*/*.old")}
    assert OLD["bills.csv"] in kept


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_after_any_runs_there_is_the_last_set_and_what_is_not_ours(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("runs")
    names = ["result.json", "bills.csv", "letters/ann.html", "letters/Bob.html", "report.html"]
    foreign = {"letters/own.txt": "mine", "own.csv": "mine"}
    (folder / "letters").mkdir()
    for name, text in foreign.items():
        (folder / name).write_text(text)
    for _ in range(data.draw(st.integers(1, 4))):
        chosen = data.draw(st.lists(st.sampled_from(names), unique=True, min_size=1))
        contents = {name: data.draw(st.text("ab\u00e9\n", max_size=4)) for name in chosen}
        write(folder, contents)
        # newline="" as files are written
        found = {
            path.relative_to(folder).as_posix(): path.read_bytes().decode()
            for path in folder.rglob("*")
            if path.is_file() and path.name != MANIFEST
        }
        assert found == {**contents, **foreign}
    shutil.rmtree(folder)


@pytest.mark.parametrize("way", ["itself", "link", "hard link", "long way"])
def test_an_input_is_never_overwritten_under_any_name(tmp_path, way):
    source = tmp_path / "game.csv"
    source.write_text("coalition,gain")
    target = tmp_path / "copy.csv"
    if way == "link":
        target.symlink_to(source)
    elif way == "hard link":
        os.link(source, target)
    else:
        target = {"itself": source, "long way": tmp_path / "." / ".." / tmp_path.name / "game.csv"}[
            way
        ]
    with pytest.raises(SesgameError, match=r"is the input .*, which is never overwritten"):
        OutputFiles([target], [source])
    assert source.read_text() == "coalition,gain"


def test_two_outputs_are_never_one_file(tmp_path):
    (tmp_path / "here").symlink_to(tmp_path)
    for first, second in (("a.csv", "a.csv"), ("a.csv", "A.CSV"), ("a.csv", "here/a.csv")):
        with pytest.raises(SesgameError, match="two results would be one file"):
            OutputFiles([tmp_path / first, tmp_path / second])
    with pytest.raises(SesgameError, match="standard output; give each its own"):
        OutputFiles([Path("-"), Path("-")])


def test_a_link_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "other.txt").write_text("other")
    (tmp_path / "bills.csv").symlink_to(tmp_path / "other.txt")
    write(tmp_path, {"bills.csv": "bills"})
    assert (tmp_path / "other.txt").read_text() == "other"
    assert not (tmp_path / "bills.csv").is_symlink()


def test_a_folder_in_the_place_of_a_file_stays(tmp_path):
    (tmp_path / "bills.csv").mkdir()
    (tmp_path / "bills.csv" / "precious.txt").write_text("precious")
    with pytest.raises(SesgameError, match=r"bills.csv is a folder"):
        write(tmp_path, OLD)
    for contents in ({"bills.csv": "x"}, OLD):
        files = {tmp_path / name: text for name, text in contents.items()}
        (tmp_path / "letters").mkdir(exist_ok=True)
        with pytest.raises(SesgameError, match=r"bills.csv cannot be written: Is a directory"):
            OutputFiles(()).write(files)
    assert files_of(tmp_path) == {"bills.csv/precious.txt": "precious"}


def test_a_file_stays_as_private_as_it_was(tmp_path):
    write(tmp_path, OLD)
    (tmp_path / "bills.csv").chmod(0o600)
    write(tmp_path, NEW)
    assert (tmp_path / "bills.csv").stat().st_mode & 0o777 == 0o600


def test_half_a_character_is_refused_before_anything_is_written(tmp_path):
    write(tmp_path, OLD)
    with pytest.raises(SesgameError, match=r"bills.csv cannot be written: .*'\\ud800', half of a"):
        write(tmp_path, {**NEW, "bills.csv": "x\ud800"})
    assert files_of(tmp_path) == OLD


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_devices_are_written_to_and_never_replaced(tmp_path):
    full, null = Path("/dev/full"), Path("/dev/null")
    with pytest.raises(SesgameError, match="/dev/full cannot be written: No space left on device"):
        OutputFiles([full]).write({full: "text", tmp_path / "a": "text"})
    assert not list(tmp_path.iterdir())
    OutputFiles([null]).write({null: "text"})
    assert full.is_char_device()
    assert null.is_char_device()
