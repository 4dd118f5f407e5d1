"""Progress is drawn on a terminal and nowhere else."""

import io
import sys

import sesgame as sg


class Stream(io.StringIO):
    def __init__(self, is_terminal=True):
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


def drawn(monkeypatch, stream, delay=0.0, progress=True):
    """Return what the tabulation of a small game draws."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("sesgame.progress.DELAY_SECONDS", delay)
    sg.Game.from_function(range(6), len, kind="gain").tabulate(progress=progress)
    return stream.getvalue()


def test_a_terminal_sees_a_bar_with_the_rate(monkeypatch):
    bar = drawn(monkeypatch, Stream())
    assert "coalitions" in bar
    assert "/s]" in bar


def test_work_that_is_done_at_once_draws_nothing(monkeypatch):
    assert "coalitions" not in drawn(monkeypatch, Stream(), delay=60.0)


def test_who_wants_no_bar_gets_none(monkeypatch):
    assert drawn(monkeypatch, Stream(), progress=False) == ""


def test_nothing_is_drawn_where_there_is_no_terminal(monkeypatch):
    assert drawn(monkeypatch, Stream(is_terminal=False)) == ""
