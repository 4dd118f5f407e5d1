"""HiGHS is shared with the user's own code: neither may notice the other."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import highspy
import numpy as np
import pytest
from sesgame import adapters
from sesgame.adapters.membership_model import MembershipModel
from sesgame.errors import GameError, NumericalWarning, SolverError
from sesgame.linear.model import LinearModel
from sesgame.linear.own_thread import OwnThread
from sesgame.linear.quiet_highs import OPTIONS, checked, info, quiet_highs

NEEDS_SIGNALS = pytest.mark.skipif(
    sys.platform == "win32", reason="a process cannot interrupt itself"
)
SECONDS = 240
"""After which a script hangs, on a busy machine as well."""

SETTING = '''
import sys
import highspy
import numpy as np
from multiprocessing import get_context

def user_runs(threads):
    """A linear and an integer program of the user's, with so many threads: two statuses."""
    statuses = []
    for kind in (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger):
        model = highspy.Highs()
        model.silent()
        model.setOptionValue("threads", threads)
        chairs, tables = model.addVariable(ub=4, obj=-1), model.addVariable(ub=4, obj=-2)
        for variable in (chairs, tables):
            model.changeColIntegrality(variable.index, kind)
        model.addConstr(2 * chairs + 3 * tables <= 13)
        statuses.append((model.run().name, model.getModelStatus().name))
    return statuses

def our_values(integer):
    """The values of a game of ours, as text that has every bit."""
    from sesgame import adapters
    model = highspy.Highs()
    model.silent()
    ann, bob = model.addVariable(), model.addVariable()
    goods = [model.addVariable(obj=1 + i % 7 / 3) for i in range(12)]
    if integer:
        for good in goods:
            model.changeColIntegrality(good.index, highspy.HighsVarType.kInteger)
    for k in range(4):
        used = sum((1 + (i * (k + 3)) % 5) * good for i, good in enumerate(goods))
        model.addConstr(used <= (17 + k) * ann + (23 - k) * bob)
    model.setMaximize()
    game = adapters.highspy.model_game(model, {"ann": ann, "bob": bob})
    return game.tabulate().tobytes().hex()

def all_our_values():
    return our_values(False) + our_values(True)
'''


def said_by(tmp_path, script):
    """Run a script in a process of its own and return the lines that it prints for us."""
    file = tmp_path / "script.py"
    file.write_text(SETTING + "\nif __name__ == '__main__':\n" + script)
    done = subprocess.run(
        [sys.executable, file], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return [line[4:] for line in done.stdout.splitlines() if line.startswith(">>> ")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Our values in a process where nobody else uses HiGHS."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (values,) = said_by(folder, "    print('>>>', all_our_values())")
    return values


FINE = str([("kOk", "kOptimal")] * 2)


@pytest.mark.parametrize("threads", [2, 4])
def test_whoever_solves_first_the_other_one_solves_as_if_alone(tmp_path, undisturbed, threads):
    turns = "all_our_values()", f"user_runs({threads})"
    for first, second in (turns, turns[::-1]):
        lines = said_by(
            tmp_path, "".join(f"    print('>>>', {x})\n" for x in (first, second, first))
        )
        expected = {turns[0]: undisturbed, turns[1]: FINE}
        assert lines == [expected[first], expected[second], expected[first]]


def test_two_threads_at_once_solve_ours_and_the_users_in_turn(tmp_path, undisturbed):
    script = """
        from concurrent.futures import ThreadPoolExecutor
        from threading import Barrier
        barrier = Barrier(2)
        def turns(threads):
            barrier.wait()
            return user_runs(threads), all_our_values(), user_runs(threads), all_our_values()
        with ThreadPoolExecutor(2) as pool:
            for user, ours, user_again, ours_again in pool.map(turns, (2, 4)):
                for result in (user, ours, user_again, ours_again):
                    print(">>>", result)
    """
    assert said_by(tmp_path, script) == [FINE, undisturbed] * 4


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(
            "fork",
            marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork"),
        ),
        "spawn",
    ],
)
def test_a_worker_solves_whatever_its_parent_has_solved_before(tmp_path, undisturbed, method):
    # The forked child inherits a scheduler of the user's whose threads stayed with the parent.
    script = f"""
        user_runs(4)
        all_our_values()
        with get_context({method!r}).Pool(1) as pool:
            print(">>>", pool.apply(all_our_values))
    """
    assert said_by(tmp_path, script) == [undisturbed]


def model_of_two():
    """A linear production game, whose own HiGHS object prints its banner here at the latest."""
    model = highspy.Highs()
    model.silent()
    ann, bob = model.addVariable(), model.addVariable()
    goods = model.addVariable(obj=3.0)
    model.addConstr(2 * goods <= 7 * ann + 2 * bob)
    model.setMaximize()
    return model, {"ann": ann, "bob": bob}


def test_nothing_of_ours_is_printed(capfd):
    model, membership = model_of_two()
    capfd.readouterr()
    game = adapters.highspy.model_game(model, membership)
    adapters.dual_allocation(game)
    game.tabulate()
    highs = quiet_highs()
    with pytest.raises(SolverError, match="unknown"):
        checked(highs, highs.setOptionValue, "nonsense", 1)
    assert capfd.readouterr() == ("", "")


def test_no_thread_of_ours_is_left_behind():
    before = threading.active_count()
    adapters.highspy.model_game(*model_of_two()).tabulate()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        pytest.param("threads", -5, "Value -5 for option .threads. is below", id="value"),
        pytest.param("no_such_option", 1, "no_such_option.* is unknown", id="name"),
        pytest.param("mip_rel_gap", "x", "without a message.*'mip_rel_gap', value 'x'", id="type"),
    ],
)
def test_an_option_that_is_refused_says_why_and_blames_no_coalition(
    monkeypatch, option, value, message
):
    monkeypatch.setitem(OPTIONS, option, value)
    with pytest.raises(SolverError, match=message):
        adapters.highspy.model_game(*model_of_two())


def test_an_option_that_is_refused_in_a_worker_is_no_fault_of_the_executor(monkeypatch):
    game = adapters.highspy.model_game(*model_of_two())
    monkeypatch.setitem(OPTIONS, "no_such_option", 1)
    with ThreadPoolExecutor(1) as pool, pytest.raises(SolverError, match="is unknown"):
        game.tabulate(executor=pool)


def test_a_run_that_is_refused_says_what_highs_says():
    def first_two_threads_then_one(_):
        model = quiet_highs()
        checked(model, model.setOptionValue, "threads", 2)
        checked(model, model.addVar, 0.0, 4.0)
        checked(model, model.run)
        checked(model, model.setOptionValue, "threads", 1)
        checked(model, model.run)

    with pytest.raises(SolverError, match=r"HiGHS run.* already been initialized to use 2 threads"):
        OwnThread(first_two_threads_then_one).result()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda highs: checked(
                highs, highs.changeColsBounds, 1, np.array([7], np.int32), np.zeros(1), np.ones(1)
            ),
            "out of range",
            id="columns",
        ),
        pytest.param(
            lambda highs: checked(
                highs, highs.changeRowsBounds, 1, np.array([7], np.int32), np.zeros(1), np.ones(1)
            ),
            "out of range",
            id="rows",
        ),
        pytest.param(
            lambda highs: checked(highs, highs.setBasis, highspy.HighsBasis()), "asis", id="basis"
        ),
        pytest.param(
            lambda highs: info(highs, "primal_dual_objective_error"), "not known", id="info"
        ),
    ],
)
def test_every_status_is_looked_at(call, message):
    highs = quiet_highs()
    checked(highs, highs.addVar, 0.0, 1.0)
    checked(highs, highs.addRow, 0.0, 1.0, 1, np.zeros(1, np.int32), np.ones(1))
    with pytest.raises(SolverError, match=message):
        call(highs)


def test_a_warning_about_an_optimal_solution_is_passed_on(monkeypatch):
    game = adapters.highspy.model_game(*model_of_two())
    run = highspy.Highs.run

    def warning(highs):
        run(highs)
        return highspy.HighsStatus.kWarning

    monkeypatch.setattr(highspy.Highs, "run", warning)
    with pytest.warns(NumericalWarning, match="warns of an optimal solution"):
        assert game.value(["ann"]) == 10.5


def linear_model(cost=1.0, coefficient=1.0, upper=np.inf):
    return LinearModel(
        cost=np.array([cost, 1.0]),
        col_lower=np.zeros(2),
        col_upper=np.array([upper, 9.0]),
        row_lower=np.array([1.0]),
        row_upper=np.array([np.inf]),
        rows=np.array([0, 0]),
        columns=np.array([0, 1]),
        coefficients=np.array([coefficient, 1.0]),
        integer=np.zeros(2, dtype=np.bool_),
        sense=1,
        offset=0.0,
    )


def test_coefficients_that_highs_takes_for_zero_are_said():
    with pytest.warns(NumericalWarning, match="1 coefficients of the model for zero.* 1e-10"):
        linear_model(coefficient=1e-10).to_highs()
    linear_model(coefficient=0.0).to_highs()
    linear_model(upper=-1.0).to_highs()  # crossed bounds: infeasible, which the coalition hears


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        pytest.param({"cost": 1e21}, r"cost of 1e\+21", id="cost"),
        pytest.param({"cost": np.nan}, "cost of nan", id="cost nan"),
        pytest.param({"coefficient": np.nan}, "coefficient of nan", id="coefficient nan"),
        pytest.param({"coefficient": 1e16}, "does not accept the model: .*1e.16", id="coefficient"),
        pytest.param({"upper": np.nan}, "does not accept the model: .*bound of *nan", id="bound"),
    ],
)
def test_numbers_that_highs_would_take_for_others_are_refused(numbers, message):
    with pytest.raises(GameError, match=message):
        linear_model(**numbers).to_highs()


@NEEDS_SIGNALS
def test_an_interrupt_waits_for_the_solve_at_hand_and_for_no_other():
    solved = []

    def work(thread):
        os.kill(os.getpid(), signal.SIGINT)
        while not thread.stopped:
            pass
        solved.append(True)

    with pytest.raises(KeyboardInterrupt):
        OwnThread(work).result()
    assert solved == [True]


@NEEDS_SIGNALS
def test_a_game_that_was_interrupted_has_the_same_values_afterwards(monkeypatch):
    game = adapters.highspy.model_game(*model_of_two())
    value = MembershipModel._value
    asked = []

    def interrupting(model, solver, members):
        asked.append(members)
        if len(asked) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return value(model, solver, members)

    def ask_until_the_signal_arrives():
        while True:
            game.check()

    with monkeypatch.context() as patch:
        patch.setattr(MembershipModel, "_value", interrupting)
        with pytest.raises(KeyboardInterrupt):
            ask_until_the_signal_arrives()
    np.testing.assert_array_equal(game.tabulate(), [0.0, 10.5, 3.0, 13.5])
