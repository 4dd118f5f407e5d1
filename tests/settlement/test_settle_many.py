"""Many communities in one call: the bits of each by itself, in order, and none lost."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.interrupts import NEEDS_SIGNALS, interrupted
from fixtures.worlds import UNLIKE, WORLDS, community
from hypothesis import strategies as st
from sesgame.errors import GameError, StoreError
from sesgame.settlement import settle_many as module
from sesgame.settlement.settled_store import digest
from sesgame.testing import communities

EXAMPLES = Path(sg.__file__).parent / "examples"
NEEDS_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")


@pytest.fixture(scope="module")
def days():
    whole = sg.energy.Community.from_csv(EXAMPLES / "rural13")
    return [whole.period(f"2016-06-0{day}", f"2016-06-0{day + 1}") for day in range(1, 5)]


def bits(settled):
    """Return all of a record, with every bit of its numbers."""
    allocation = settled.allocation
    ends = [end if end is None else end.tobytes() for end in (settled.lowest, settled.highest)]
    made = (
        None
        if allocation is None
        else (
            tuple(allocation.players),
            allocation.values.tobytes(),
            allocation.kind,
            allocation.method,
            float(allocation.tolerance).hex(),
            allocation.rule,
            allocation.evidence,
        )
    )
    words = (settled.name, settled.period, settled.rule, settled.unproved, settled.failure)
    return settled.number, *words, made, *ends


def all_bits(given, *arguments, **options):
    return [bits(settled) for settled in sg.settle_many(given, *arguments, **options)]


def test_each_community_has_the_bits_of_the_rule_by_itself(days):
    rules = ["shapley", "dual-prices", "nucleolus", "shapley-estimate"]
    single = [
        sg.shapley_value,
        sg.owen_allocation,
        lambda day: sg.nucleolus(day.cost_game()),
        lambda day: sg.shapley_estimate(day.cost_game(), seed=0),
    ]
    found = list(sg.settle_many(iter(days), rules))
    assert [(one.number, one.rule) for one in found] == [*product(range(4), rules)]
    assert [one.period for one in found[::4]] == [day.period_in_words for day in days]
    for one, (day, rule) in zip(found, product(days, single), strict=True):
        expected = rule(day)
        assert one.failure == ""
        assert one.allocation == expected
        assert one.allocation.values.tobytes() == expected.values.tobytes()
        assert one.allocation.method == expected.method
        assert one.allocation.tolerance == expected.tolerance
        assert one.allocation.evidence is None
        if expected.intervals is None:
            assert one.lowest is None
        else:
            assert one.lowest.tobytes() == expected.intervals.lowest.tobytes()
            assert one.highest.tobytes() == expected.intervals.highest.tobytes()


@drawn(8, 20, st.lists(communities(), max_size=4))  # threads are started for each
def test_drawn_communities_are_as_by_themselves_and_their_shapley_value_as_defined(drawn):
    found = list(sg.settle_many(drawn, ["shapley", "dual-prices"], progress=False))
    for one, world in zip(found[::2], drawn, strict=True):
        assert one.allocation == sg.shapley_value(world.cost_game())
        n, costs = len(world.members), world.cost_game().tabulate()
        weight = [1 / (n * len(list(_subsets(n - 1, size)))) for size in range(n)]
        expected = [
            sum(
                weight[mask.bit_count()] * (costs[mask | 1 << i] - costs[mask])
                for mask in range(1 << n)
                if not mask >> i & 1
            )
            for i in range(n)
        ]
        scale = float(np.abs(costs).max())
        # 2^n terms, each rounded a few times.
        assert np.allclose(one.allocation.values, expected, rtol=0, atol=1e-13 * scale)
    for one, world in zip(found[1::2], drawn, strict=True):
        assert one.allocation == sg.owen_allocation(world)


def _subsets(n, size):
    return (mask for mask in range(1 << n) if mask.bit_count() == size)


def test_a_year_is_its_months():
    year = sg.energy.Community.from_csv(EXAMPLES / "rural13")
    months = year.months()
    assert sum(month.steps.n_steps for month in months) == year.steps.n_steps
    assert np.array_equal(np.hstack([month.load_kwh for month in months]), year.load_kwh)
    assert {str(month.steps.start)[8:] for month in months} == {"01T00:00:00"}
    part = year.period("2016-01-31T23:30", "2016-03-01T00:15")
    assert [month.steps.n_steps for month in part.months()] == [2, 29 * 96, 1]
    bills = [one.allocation for one in sg.settle_many(part.months(), "dual-prices")]
    assert bills == [sg.owen_allocation(month) for month in part.months()]


def test_one_that_fails_is_named_and_the_others_are_not_touched(tmp_path, days):
    class Broken:
        name = "broken"
        period_in_words = "for ever"

        def chosen_model(self, model):
            raise ZeroDivisionError("not a number in sight")

        def cost_game(self, *, model=None):
            raise AssertionError

    tight = community(2, batteries=UNLIKE, grid=sg.energy.Grid(import_limit_kw=0.01))
    given = [days[0], tmp_path / "nowhere", tight, 7, Broken(), EXAMPLES / "rural13", days[1]]
    found = list(
        sg.settle_many(given, ["shapley", "dual-prices"], start="2016-06-01", end="2016-06-02")
    )
    failures = [[one.failure for one in found if one.number == number] for number in range(7)]
    good = [number for number in range(7) if failures[number] == ["", ""]]
    assert good == [0, 5]
    assert all("nowhere" in text for text in failures[1])
    assert found[2].name == str(tmp_path / "nowhere")
    assert all("the data cover" in text for text in failures[2])
    assert all("must be a Community, another world or a path, got int 7" in t for t in failures[3])
    assert all(text.startswith("AttributeError") for text in failures[4])
    assert all("the data cover 2016-06-02" in text for text in failures[6])
    assert bits(found[0])[6:] == bits(found[10])[6:]
    assert all(one.allocation is None for one in found if one.failure)
    whole = list(sg.settle_many([tight, Broken(), days[1]]))
    assert [one.number for one in whole if one.failure] == [0, 1]
    assert "no dispatch keeps import_limit_kw" in whole[0].failure
    assert whole[1].failure == "ZeroDivisionError: not a number in sight"
    assert whole[0].to_dict()["failure"] == whole[0].failure


def test_what_an_iterable_raises_comes_after_the_communities_before_it(days):
    def given():
        yield from days[:3]
        raise OSError("the disk is gone")

    found = []
    with pytest.raises(OSError, match="the disk is gone"):
        found.extend(sg.settle_many(given()))  # and keeps what came before
    assert [*map(bits, found)] == all_bits(days[:3])


def test_communities_are_asked_for_only_as_they_are_settled(days, monkeypatch):
    monkeypatch.setattr(module, "MOST_AHEAD", 7)
    asked = 0

    def given():
        nonlocal asked
        for number in range(60):
            asked += 1
            yield days[number % 4]

    for number, one in enumerate(sg.settle_many(given(), "dual-prices"), start=1):
        assert one.number == number - 1
        assert asked <= number + 7
    assert asked == 60


@pytest.mark.parametrize("rules", ["dual-prices", ["shapley", "dual-prices"]])
def test_a_store_gives_back_every_bit_and_settles_nothing_again(tmp_path, days, monkeypatch, rules):
    path = tmp_path / "bills.sqlite"
    first = all_bits(days, rules, store=path)
    assert first == all_bits(days, rules)

    def nobody(problem, name):
        raise AssertionError(name)

    monkeypatch.setattr(module, "allocate", nobody)
    assert all_bits(days, rules, store=str(path)) == first
    assert (
        all_bits(days[::-1], rules, store=path)[0][1:] == first[-1 if rules[0] == "d" else -2][1:]
    )
    again = list(sg.settle_many([days[0].period("2016-06-01T06:00")], rules, store=path))
    assert all(one.failure for one in again)


def test_the_digest_is_of_all_that_bills_depend_on(days):
    day = days[0]
    same = sg.energy.Community(
        members=list(day.members),
        steps=day.steps.times,
        load_kwh=day.load_kwh.tolist(),
        pv_kwh=np.asfortranarray(day.pv_kwh),
        tariff=day.tariff,
        batteries=list(day.batteries),
        name=day.name,
    )
    load = day.load_kwh.copy()
    load[3, 40] = np.nextafter(load[3, 40], 9)
    others = [
        days[1],
        sg.energy.Community(members=day.members, steps=day.steps, load_kwh=load, tariff=day.tariff),
        sg.energy.Scenarios([day]),
        community(1),
        community(1, **WORLDS["everything"]),
    ]
    keys = [digest(world) for world in (day, *others)]
    assert digest(same) == keys[0]
    assert len(set(keys)) == len(keys)
    parts = [("a", "b"), ("ab",), ("ab", None), ([1], 2), ([1, 2],), (1.0,), (1,), (True,), ({},)]
    parts += [(frozenset("ab"),), (frozenset("a"),), (np.zeros(2),), (np.zeros((2, 1)),)]
    assert len({digest(*part) for part in parts}) == len(parts)
    with pytest.raises(TypeError):
        digest(object())


def test_a_failure_is_tried_again(tmp_path, days, monkeypatch):
    path = tmp_path / "bills.sqlite"
    right = module.allocate

    def fails(problem, name):
        if problem.world is days[1]:
            raise MemoryError("none left")
        return right(problem, name)

    with monkeypatch.context() as patch:
        patch.setattr(module, "allocate", fails)
        found = list(sg.settle_many(days, store=path))
    assert [one.failure for one in found] == ["", "MemoryError: none left", "", ""]
    asked = []
    monkeypatch.setattr(module, "allocate", lambda *given: asked.append(given) or right(*given))
    assert all_bits(days, store=path) == all_bits(days)
    assert sum(problem.world is days[1] for problem, _ in asked) == 2
    assert len(asked) == 1 + len(days)


def test_an_iterator_that_is_closed_leaves_no_thread_and_keeps_what_was_settled(tmp_path, days):
    path = tmp_path / "bills.sqlite"
    before = threading.active_count()
    found = sg.settle_many(days, store=path)
    first = bits(next(found))
    found.close()
    assert threading.active_count() == before
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM settled").fetchone()[0] >= 1
    connection.close()
    assert all_bits(days, store=path)[0] == first


KILLED = """
import os, signal, sys
import sesgame as sg
from pathlib import Path
year = sg.energy.Community.from_csv(Path(sg.__file__).parent / "examples" / "rural13")
days = (year.period(f"2016-06-{d:02}", f"2016-06-{d + 1:02}") for d in range(1, 29))
for one in sg.settle_many(days, store=sys.argv[1]):
    print(one.number, flush=True)
"""


def started(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_run_that_is_killed_goes_on_and_another_may_run_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "bills.sqlite"
    processes = [started(KILLED, path) for _ in range(2)]
    for _ in range(3):
        assert processes[0].stdout.readline()
    for process in processes:
        process.kill()
        process.communicate()
    connection = sqlite3.connect(path)
    kept = connection.execute("SELECT count(*) FROM settled").fetchone()[0]
    connection.close()
    assert kept >= 1
    year = sg.energy.Community.from_csv(EXAMPLES / "rural13")
    days = [year.period(f"2016-06-{day:02}", f"2016-06-{day + 1:02}") for day in range(1, 29)]
    asked, right = [], module.allocate
    monkeypatch.setattr(module, "allocate", lambda *given: asked.append(given) or right(*given))
    found = all_bits(days, store=path)
    assert len(asked) == len(days) - kept
    assert found == all_bits(days)


@pytest.mark.parametrize(
    "content",
    [
        '{"values": [1.0]}',
        "[]",
        "nonsense",
        lambda text: text.replace("[", "[1.0, ", 1),
        lambda text: text.replace('"cost"', '"costs"'),
        lambda text: text.replace("[", "[NaN, 1", 1),
        lambda text: text.replace('"unproved": ""', '"unproved": 3'),
        lambda text: text.replace('"ends": [null', '"ends": [[1.0]'),
        lambda text: text.replace('"rule": "shapley"', '"rule": 3'),
    ],
)
def test_a_row_that_cannot_be_is_refused(tmp_path, days, content):
    path = tmp_path / "bills.sqlite"
    list(sg.settle_many(days[:1], store=path))
    connection = sqlite3.connect(path)
    (text,) = connection.execute("SELECT content FROM settled").fetchone()
    changed = content if isinstance(content, str) else content(text)
    assert changed != text
    connection.execute("UPDATE settled SET content = ?", (changed,))
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match=r"bills\.sqlite is damaged: the row of key x'"):
        list(sg.settle_many(days[:1], store=path))


def test_the_store_of_a_game_is_not_that_of_communities(tmp_path, days):
    def game():
        return sg.Game.from_function(["a"], len, kind="gain")

    game().tabulate(store=tmp_path / "game.sqlite")
    with pytest.raises(StoreError, match="no store of sesgame of this kind"):
        list(sg.settle_many(days, store=tmp_path / "game.sqlite"))
    list(sg.settle_many(days[:1], store=tmp_path / "bills.sqlite"))
    with pytest.raises(StoreError, match="no store of sesgame of this kind"):
        game().tabulate(store=tmp_path / "bills.sqlite")


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        pytest.param(7, {}, "communities must be iterable, got int 7", id="no iterable"),
        pytest.param("folder", {}, "must be a collection of communities", id="one path"),
        pytest.param(community(1), {}, "must be a collection of communities", id="one"),
        pytest.param([], {"rules": "nucleus"}, 'unknown rule "nucleus"', id="no such rule"),
        pytest.param([], {"rules": []}, "rules must not be empty", id="no rule"),
        pytest.param([], {"rules": [3]}, "a rule must be its name, got int 3", id="number"),
        pytest.param([], {"rules": 3}, "rules must be names of rules, got int 3", id="one number"),
        pytest.param([], {"weight": 3}, "unknown rule option weight", id="no such option"),
        pytest.param([], {"weights": [1.0]}, "none of the rules takes", id="of another rule"),
        pytest.param([], {"progress": 3}, "progress must be True or False", id="progress"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_settled(given, options, message):
    with pytest.raises(GameError, match=message):
        sg.settle_many(given, **options)


def test_nothing_to_settle_is_nothing():
    assert list(sg.settle_many([])) == []


@NEEDS_FORK
def test_a_child_of_the_process_neither_waits_for_its_threads_nor_writes_its_store(tmp_path, days):
    path = tmp_path / "bills.sqlite"
    found = sg.settle_many(days, store=path)
    first = bits(next(found))
    here, there = os.pipe()
    process = os.fork()
    if not process:
        signal.alarm(60)
        try:
            next(found)
        except GameError as error:
            os.write(there, str(error).encode())
        os.write(there, repr(all_bits(days[:1]) == [first]).encode())
        os._exit(0)
    os.close(there)
    with os.fdopen(here) as pipe:
        said = pipe.read()
    assert os.waitpid(process, 0)[1] == 0
    assert said.startswith("settled communities are yielded only in the process that began")
    assert said.endswith("True")
    assert [first, *map(bits, found)] == all_bits(days)


MONTHS = """
from pathlib import Path
year = sg.energy.Community.from_csv(Path(sg.__file__).parent / "examples" / "rural13")
months = year.months()
next(iter(sg.settle_many(months[:1], "dual-prices")))
"""


@NEEDS_SIGNALS
def test_ctrl_c_ends_the_threads_in_their_native_work_and_leaves_all_usable():
    found = interrupted(
        MONTHS,
        'list(sg.settle_many(months, "shapley"))',
        0.7,
        afterwards='assert not list(sg.settle_many(months[:1], "dual-prices"))[0].failure',
    )
    assert found.usable, found.errors
    print(f"heard after {found.seconds:.2f} s")
