"""A solve of HiGHS that would take minutes or hours ends soon after Ctrl-C, wherever it runs."""

import re
import threading

import numpy as np
import pytest
from fixtures.interrupts import NEEDS_SIGNALS, interrupted
from sesgame.errors import SolverError
from sesgame.linear.model import LinearModel
from sesgame.linear.own_thread import OwnThread, run
from sesgame.linear.quiet_highs import checked

# Dense equations: thousands of iterations, each over millions of numbers.
LINEAR = """
random = np.random.default_rng(0)
m, n = 700, 2100
A = random.normal(size=(m, n))
b = A @ (np.abs(random.normal(size=n)) * (random.random(n) < m / n))
cost, upper, integer = random.uniform(0.5, 1.5, n), np.full(n, np.inf), np.zeros(n, bool)
"""
# Equations between integers as nearly as possible, which branch and bound hardly prunes: the market
# split problem of Cornuejols and Dawande (1998). Bounds are far apart for hours.
INTEGER = """
random = np.random.default_rng(0)
m, n = 6, 50
A = random.integers(0, 100, size=(m, n)).astype(float)
b = np.floor(A.sum(axis=1) / 2)
A = np.hstack([A, np.eye(m), -np.eye(m)])
cost = np.append(np.zeros(n), np.ones(2 * m))
upper = np.append(np.ones(n), np.full(2 * m, np.inf))
integer = np.append(np.ones(n, bool), np.zeros(2 * m, bool))
"""

# Ann brings the right-hand sides; Bob costs 1, whatever she does.
GAME_BY_HIGHSPY = """
import highspy  # which takes a while, and is not what is to be stopped
from sesgame.adapters.membership_model import game_of_model
from sesgame.game.players import Players
from sesgame.linear.model import LinearModel
rows, columns = np.indices(A.shape).reshape(2, -1)
n_rows, n_columns = A.shape
model = LinearModel(
    cost=np.append([0, 1], cost), sense=1, offset=0.0,
    col_lower=np.zeros(n_columns + 2), col_upper=np.append([1, 1], upper),
    row_lower=np.zeros(n_rows), row_upper=np.zeros(n_rows),
    rows=np.append(rows, np.arange(n_rows)),
    columns=np.append(columns + 2, np.zeros(n_rows, int)),
    coefficients=np.append(A.ravel(), -b),
    integer=np.append([False, False], integer),
)
"""
GAME_BY_ENGINE = """
from sesgame import _engine
n_rows, n_columns = A.shape
places, nothing = np.arange(n_rows, dtype=np.int32), np.zeros((2, n_rows))
shares = np.zeros((2, n_rows, 2))
shares[:, :, 0] = b
none = np.zeros(0, np.int32), np.zeros((2, 0)), np.zeros((2, 0, 2))
"""
ENGINE_CALL = (
    "_engine.linear_production_game(cost, np.array([np.zeros(n_columns), upper]), nothing, "
    "np.arange(n_rows + 1) * n_columns, np.tile(np.arange(n_columns), n_rows), A.ravel(), "
    "np.array([0.0, 1.0]), none, (places, nothing, shares), True)"
)
# Many bundles of much the same worth and size.
HARD_AUCTION = """
random = np.random.default_rng(7)
value, energy, power = random.random((3, 200)) * 10 + np.array([[50], [20], [20]])
first = random.integers(0, 3, 200)
bundles = [(k, value[k], energy[k], power[k], (first[k], first[k] + 1)) for k in range(200)]
def auction_of(n):
    return sg.markets.StorageAuction(bundles[:n], energy_kwh=150, power_kw=150, n_periods=4)
auction = auction_of(200)
"""


@NEEDS_SIGNALS
@pytest.mark.parametrize(
    ("setup", "call", "afterwards"),
    [
        pytest.param(
            LINEAR + GAME_BY_HIGHSPY,
            'game_of_model(Players(["ann", "bob"]), model, [0, 1])',
            "assert sg.games.airport([1, 2]).value([0, 1]) == 2",
            id="a linear program by highspy",
        ),
        pytest.param(
            LINEAR + GAME_BY_ENGINE,
            ENGINE_CALL,
            "shares[:, :, 0] = 1\nA = np.eye(*A.shape)\n" + ENGINE_CALL,
            id="a linear program by the engine",
        ),
        pytest.param(
            INTEGER
            + GAME_BY_HIGHSPY
            + 'game = game_of_model(Players(["ann", "bob"]), model, [0, 1])',
            'game.value(["ann"])',
            'assert game.value(["bob"]) == 1',
            id="an integer program by highspy",
        ),
        pytest.param(
            HARD_AUCTION,
            "sg.markets.vcg(auction)",
            "assert sg.markets.vcg(auction_of(4)).welfare > 0",
            id="an integer program by the engine",
        ),
    ],
)
def test_ctrl_c_stops_a_solve_that_would_take_minutes(setup, call, afterwards):
    ended = interrupted(setup, call, 0.8, afterwards=afterwards)
    assert ended.usable, ended.errors
    if "vcg" in call or "value" in call:
        # That it has looked by then is up to the machine; what it says, it says in numbers.
        number = r"-?\d+\.?\d*(e[-+]?\d+)?"
        assert ended.said == "" or re.fullmatch(
            f"(best found {number}|nothing found yet), (proved bound {number}|no bound .*)",
            ended.said,
        )


@NEEDS_SIGNALS
def test_a_solve_that_is_left_behind_does_not_abort_the_end_of_python():
    impatient = "from sesgame.linear import own_thread\nown_thread.PATIENCE_SECONDS = 0.02\n"
    game = 'game = game_of_model(Players(["ann", "bob"]), model, [0, 1])'
    setup = impatient + INTEGER + GAME_BY_HIGHSPY + game
    ended = interrupted(setup, 'game.value(["ann"])', 0.8)
    assert ended.usable, ended.errors


def small_model():
    """Return the largest sum of two columns below two rows, which is 2.8."""
    return LinearModel(
        cost=np.ones(2),
        col_lower=np.zeros(2),
        col_upper=np.full(2, np.inf),
        row_lower=np.full(2, -np.inf),
        row_upper=np.array([4.0, 6.0]),
        rows=np.array([0, 0, 1, 1]),
        columns=np.array([0, 1, 0, 1]),
        coefficients=np.array([1.0, 2.0, 3.0, 1.0]),
        integer=np.zeros(2, dtype=np.bool_),
        sense=-1,
        offset=0.0,
    )


def status_of(highs):
    checked(highs, run, highs, warning_is_fine=True)
    return highs.modelStatusToString(highs.getModelStatus())


def test_what_is_stopped_solves_again_and_asks_nobody_any_more():
    highs = small_model().to_highs()

    def stopped_first(thread):
        thread._stop()
        return status_of(highs)

    assert OwnThread(stopped_first).result() == "Interrupted by user"

    def as_usual(_):
        highs.clearSolver()
        return status_of(highs), highs.getObjectiveValue()

    status, value = OwnThread(as_usual).result()
    assert (status, round(value, 9)) == ("Optimal", 2.8)


def test_who_never_waits_for_a_thread_of_ours_solves_as_ever():
    statuses = []
    elsewhere = threading.Thread(
        target=lambda: statuses.append(status_of(small_model().to_highs()))
    )
    elsewhere.start()
    elsewhere.join()
    assert statuses == ["Optimal"]


def test_an_error_of_the_work_comes_through():
    def fail(_):
        raise SolverError("here", "on purpose")

    with pytest.raises(SolverError, match="on purpose"):
        OwnThread(fail).result()
