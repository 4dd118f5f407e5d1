"""Demand charges of months and hours: which steps they count, what they cost, who pays them."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import sesgame as sg
from fixtures.worlds import battery
from reference.world_lp import least_cost
from sesgame.energy import Battery, DemandCharge, Grid, PriceSeries, TimeSteps
from sesgame.energy.dispatch import peak_pool
from sesgame.energy.dispatch.model import MODELS
from sesgame.errors import AllocationError, GameError, NotFiniteError, NumericalWarning, SolverError

RELATIVE = 1e-9
"""Of all money that flows: what the search promises."""
SOLVER = 1e-7
"""What HiGHS promises of the reference, absolute, at amounts of the order of 1."""

HOUR = np.timedelta64(1, "h")


def drawn(seed, n_members=4, months=3, windows=True):
    """Return a community over the turns of months, day by day, with numbers that tie."""
    random = np.random.default_rng(seed)
    first = np.datetime64("2019-02")
    n_days = int(((first + months).astype("datetime64[D]") - first) / np.timedelta64(1, "D"))
    steps = TimeSteps(first.astype("datetime64[s]"), np.timedelta64(1, "D"), n_days)
    shape = (n_members, steps.n_steps)
    hours = steps.step_hours
    sell = random.integers(-2, 3, steps.n_steps) / 10
    charges = [DemandCharge(price_per_kw=random.integers(1, 9) * hours / 10)]
    if windows and random.random() < 0.5:
        charges.append(
            DemandCharge(
                price_per_kw=random.integers(1, 5) * hours / 10,
                per=["month", "period"][random.integers(2)],
                days=random.choice(7, random.integers(1, 8), replace=False).tolist(),
            )
        )
    kinds = [(1.0, 1.0), (0.9, 0.95), (0.5, 0.8)]
    charge, discharge = kinds[random.integers(3)]
    energy = float(random.integers(1, 7))
    batteries = [
        Battery(
            owner=owner,
            energy_kwh=energy * size,
            power_kw=float(random.integers(1, 4)) / hours,
            charge_efficiency=charge,
            discharge_efficiency=discharge,
            initial_charge_kwh=full * energy * size,
        )
        for owner, size, full in [("m0", 1, random.integers(0, 3) / 2)]
    ]
    return sg.energy.Community(
        members=[f"m{i}" for i in range(n_members)],
        steps=steps,
        load_kwh=random.integers(-2, 5, shape).astype(float),
        tariff=PriceSeries(steps, sell + random.integers(0, 3, steps.n_steps) / 10, sell),
        batteries=batteries,
        grid=Grid(
            demand_charge_per_kw=random.integers(0, 2) * hours / 4, demand_charges=tuple(charges)
        ),
    )


def beside(seed, **size):
    """Return such a community with wear, unlike powers, limits, and PV that may be left unused.

    Nothing is bought at a negative price where that asks for a linear program.
    """
    random = np.random.default_rng([seed, 1])
    here = drawn(seed, **size)
    hours = here.steps.step_hours
    steps, grid, pv_kwh = here.steps, here.grid, np.zeros(here.load_kwh.shape)
    if random.random() < 0.5:
        # A charge at most in each step, so that unused PV may let more be bought.
        grid = Grid(demand_charges=grid.demand_charges[:1])
        pv_kwh = random.integers(0, 4, pv_kwh.shape).astype(float)
    drawn_kwh = np.maximum(here.load_kwh - pv_kwh, 0.0).sum(axis=0).max()
    fed_in_kwh = np.maximum(pv_kwh - here.load_kwh, 0.0).sum(axis=0).max()
    limits = {}
    if random.random() < 0.6:
        limits["import_limit_kw"] = (drawn_kwh - random.integers(-1, 2)) / hours
    if random.random() < 0.6:
        limits["export_limit_kw"] = max(fed_in_kwh - random.integers(-1, 6), 0.0) / hours
    shared = here.batteries[0]
    tariff = here.tariff
    if pv_kwh.any() and "import_limit_kw" in limits:
        buy, sell = tariff.prices(steps)
        tariff = PriceSeries(steps, np.maximum(buy, 0.0), sell)
    return sg.energy.Community(
        members=here.members,
        steps=steps,
        load_kwh=here.load_kwh,
        pv_kwh=pv_kwh,
        tariff=tariff,
        batteries=[
            replace(
                shared,
                degradation_cost_per_kwh=float(random.choice([0.0, 0.05, 0.1])),
                charge_power_kw=shared.power_kw * random.choice([1.0, 0.5]),
                discharge_power_kw=shared.power_kw * random.choice([1.0, 0.5]),
            )
        ],
        grid=replace(grid, **limits),
        curtailment="allowed",
    )


def assert_values_are_those_of_the_program(community, coalitions):
    game = community.cost_game(model="battery")
    problem = community.problem
    money = (
        problem.rounding
        / np.finfo(np.float64).eps
        / (len(problem.members) + len(problem.steps.times))
    )
    for members in coalitions:
        expected = least_cost([community], [1.0], members)
        if np.isnan(expected):
            with pytest.raises(GameError, match="cannot keep an"):
                community.dispatch(members)
            continue
        slack = RELATIVE * money + SOLVER
        assert game.value(members) == pytest.approx(expected, abs=slack)
        assert community.dispatch(members).cost == pytest.approx(expected, abs=slack)
    # The search proves each by itself.
    assert game.native.n_by_program == 0


def coalitions_of(community, seed, n):
    random = np.random.default_rng(seed)
    members = np.array(community.members)
    return [members[random.random(len(members)) < 0.6].tolist() or ["m0"] for _ in range(n)] + [
        list(community.members)
    ]


@pytest.mark.parametrize("seed", range(12))
def test_costs_are_those_of_an_independent_linear_program(seed):
    community = drawn(seed)
    assert community.default_model == "battery"
    assert_values_are_those_of_the_program(community, coalitions_of(community, seed, 2))


@pytest.mark.slow
@pytest.mark.parametrize("months", [1, 2, 3, 5, 8, 12])
def test_costs_are_those_of_an_independent_linear_program_by_the_thousand(months):
    for seed in range(60):
        community = drawn(seed, months=months)
        assert_values_are_those_of_the_program(community, coalitions_of(community, seed, 3))


@pytest.mark.parametrize("seed", range(8))
def test_coalitions_side_by_side_have_the_bits_of_each(seed):
    community = drawn(seed, n_members=6, months=1 + seed % 3, windows=seed % 2 == 0)
    native = community.cost_game(model="battery").native
    assert type(native).__name__ == "PeakChargedGame"
    rows = (np.arange(1, 64)[:, np.newaxis] >> np.arange(6) & 1).astype(np.bool_)
    each = np.concatenate([native.values(row[np.newaxis]) for row in rows])
    table = np.asarray(native.tabulate())
    np.testing.assert_array_equal(native.values(rows), each)
    np.testing.assert_array_equal(native.values(rows[::-1]), each[::-1])
    np.testing.assert_array_equal(table[1:], each)


def pool_of(community):
    return MODELS["battery"]._pool(community.problem)


def all_can_keep_limits(community):
    return pool_of(community).broken_step(range(len(community.members))) is None


@pytest.mark.parametrize("seed", range(20))
def test_costs_beside_wear_limits_and_unlike_powers_are_those_of_the_program(seed):
    community = beside(seed)
    assert community.default_model == "battery"
    if all_can_keep_limits(community):
        assert_values_are_those_of_the_program(community, coalitions_of(community, seed, 1))


@pytest.mark.slow
@pytest.mark.parametrize("months", [1, 2, 3, 5, 8, 12])
def test_costs_beside_wear_limits_and_unlike_powers_by_the_thousand(months):
    checked = 0
    for seed in range(20, 100 if months < 5 else 50):
        community = beside(seed, months=months)
        if all_can_keep_limits(community):
            assert_values_are_those_of_the_program(community, coalitions_of(community, seed, 2))
            assert_bills_prove_the_cost(community)
            checked += 1
    assert checked > (50 if months < 5 else 18)


def assert_bills_prove_the_cost(community):
    """Check that no coalition pays more than its cost, and that the shares prove that of all."""
    game = community.cost_game()
    evidence = sg.owen_allocation(community, progress=False).evidence
    assert isinstance(evidence, sg.energy.PeakPrices)
    bills = evidence.bills_by_step.sum(axis=1)
    assert evidence.duality_gap == pytest.approx(evidence.cost - bills.sum(), abs=1e-12)
    everybody = range(len(community.members))
    chosen = np.ones(len(everybody), dtype=bool)
    proved = game.native.least_cost(chosen, [share.paid_per_kwh for share in evidence.peak_shares])
    assert proved == pytest.approx(evidence.cost, abs=1e-8)
    limits = community.problem.limits_of_nobody
    assert (evidence.duality_gap <= 1e-8) if limits else abs(evidence.duality_gap) <= 1e-8
    for number in everybody:
        for members in ([number], [other for other in everybody if other != number]):
            try:
                cost = game.value([community.members[member] for member in members])
            except GameError:
                continue
            assert bills[members].sum() + evidence.duality_gap <= cost + 1e-8


@pytest.mark.parametrize("seed", range(12))
def test_bills_beside_wear_and_limits_are_proved_by_the_pool_without_charges(seed):
    community = beside(seed, months=2)
    if all_can_keep_limits(community):
        assert_bills_prove_the_cost(community)


def test_unused_pv_that_lets_more_be_bought_under_two_charges_is_a_linear_program():
    here = sg.energy.Community(
        members=["ann"],
        steps=["2016-06-30T22:00", "2016-06-30T23:00"],
        load_kwh=[[1.0, 2.0]],
        pv_kwh=[[2.0, 0.0]],
        tariff=sg.energy.Tariff.flat(-0.1, -0.2),
        batteries=[battery("ann", 1.0, 1.0)],
        grid=Grid(
            export_limit_kw=9.0,
            demand_charge_per_kw=0.05,
            demand_charges=[DemandCharge(price_per_kw=0.02)],
        ),
        curtailment="allowed",
    )
    assert here.default_model == "linear"
    assert "peaks charged beside others where unused PV" in here.description()
    single = with_grid(here, replace(here.grid, demand_charge_per_kw=0.0))
    assert single.default_model == "battery"
    assert single.cost_game().value(["ann"]) == pytest.approx(least_cost([single], [1.0], ["ann"]))


@pytest.mark.parametrize("seed", range(8))
def test_bills_share_the_charges_and_are_in_the_core(seed):
    community = drawn(seed, windows=seed % 2 == 0)
    game = community.cost_game()
    bills = sg.owen_allocation(community, progress=False)
    assert sg.audit(game, bills).in_core
    assert isinstance(bills.evidence, sg.energy.PeakPrices)
    assert bills.total == pytest.approx(game.value(community.members), abs=1e-9)
    schedule = community.dispatch()
    for share in bills.evidence.peak_shares:
        paid = share.paid_per_kwh
        assert (paid >= 0).all()
        assert paid.sum() <= share.price_per_kw / community.steps.step_hours * (1 + 1e-12)
        imported = schedule.grid_import_kwh[share.steps] / community.steps.step_hours
        assert share.peak_kw == pytest.approx(imported.max(initial=0.0))
        # Whoever imports less than the peak does not pay for it.
        assert (imported[paid > 1e-9] >= share.peak_kw - 1e-6).all()


@pytest.mark.parametrize("seed", range(4))
def test_ranges_of_bills_are_those_of_the_linear_program(seed):
    community = drawn(seed, n_members=3, months=2)
    ours = sg.owen_allocation(community, progress=False).evidence
    program = sg.owen_allocation(community, model="linear", progress=False).evidence
    np.testing.assert_allclose(ours.lowest, program.lowest, atol=1e-5)
    np.testing.assert_allclose(ours.highest, program.highest, atol=1e-5)


@pytest.mark.parametrize("world", [drawn, beside])
@pytest.mark.parametrize("seed", [0, 1, 3, 4])
def test_a_certificate_refuses_a_wrong_peak_by_name(seed, world):
    community = world(seed, windows=False)
    if not all_can_keep_limits(community):
        return
    game = community.cost_game()
    allocation = sg.owen_allocation(community, progress=False)
    evidence = allocation.evidence
    shares = evidence.peak_shares
    assert evidence.verify(game).state == "proved"
    if world is drawn:  # whose coalitions have a dispatch each
        assert sg.audit(game, allocation, progress=False).efficient
    paying = max(range(len(shares)), key=lambda n: shares[n].paid_per_kwh.sum())
    part = shares[paying]
    assert part.paid_per_kwh.sum() > 0
    # A wrong peak: somebody claims that the charge falls on the step of the least import.
    moved = np.zeros_like(part.paid_per_kwh)
    net = community.net_load_kwh.sum(axis=0)[part.steps]
    moved[np.argmin(net)] = part.paid_per_kwh.sum()
    lower = replace(evidence, cost=evidence.cost - 0.01)
    for paid, claimed, message in [
        (moved, evidence, f"nothing proves peaks of .* kW for {part.name}.* to be those of a"),
        (part.paid_per_kwh, lower, "the dispatch of all is said to cost"),
        (2 * part.paid_per_kwh + 1.0, evidence, f"the shares of {part.name} add up to"),
        (part.paid_per_kwh - 1.0, evidence, f"the shares of {part.name} must be non-negative"),
        (part.paid_per_kwh[1:], evidence, f"the shares of {part.name} .* one for each step"),
    ]:
        wrong = [*shares[:paying], replace(part, paid_per_kwh=paid), *shares[paying + 1 :]]
        forged = replace(claimed, peak_shares=tuple(wrong))
        verdict = forged.verify(game)
        assert verdict.state == "refuted"
        with pytest.raises(AllocationError, match=message):
            sg.audit(game, replace(allocation, evidence=forged), progress=False)
        if world is drawn:
            named = {"good": allocation, "forged": replace(allocation, evidence=forged)}
            good, bad = sg.compare(game, named, progress=False).rows
            assert (good.audit.efficient, good.failure, bad.audit) == (True, "", None)
            assert re.search(message, bad.failure), bad.failure
        assert re.search(message, "; ".join(verdict.failures)), verdict.failures
    verdict = replace(evidence, peak_shares=shares[1:]).verify(game)
    assert "some of each of" in verdict.failures[0]
    assert evidence.verify(community.cost_game(model="linear")) is None


def test_where_the_search_ends_without_proof_the_program_is_solved_and_that_is_said(monkeypatch):
    community = drawn(1)
    cost, bills = community.dispatch().cost, sg.owen_allocation(community, progress=False)

    def unproved(*_):
        raise SolverError("dispatch with peak charges", "cost 2 and its bound 1 differ")

    monkeypatch.setattr(peak_pool.PeakPool, "_found", unproved)
    with pytest.warns(NumericalWarning, match="bound 1 differ.*: the linear program is solved"):
        assert community.dispatch().cost == pytest.approx(cost, abs=SOLVER)
    with pytest.warns(NumericalWarning, match="the linear program is solved instead"):
        by_program = sg.owen_allocation(community, progress=False)
    assert by_program.total == pytest.approx(bills.total, abs=SOLVER)
    assert isinstance(by_program.evidence, sg.energy.ProgrammePrices)


def test_two_equal_peaks_without_a_battery_are_paid_at_one_of_them():
    here = sg.energy.Community(
        members=["ann", "bob"],
        steps=["2016-06-30T23:00", "2016-07-01T00:00"],
        load_kwh=[[2.0, 1.0], [1.0, 2.0]],
        tariff=sg.energy.Tariff.flat(0.0, 0.0),
        grid=Grid(demand_charge_per_kw=3.0),
    )
    bills = sg.owen_allocation(here, progress=False)
    assert bills.total == pytest.approx(9.0)
    np.testing.assert_allclose(bills.evidence.lowest, [3.0, 3.0], atol=1e-6)
    np.testing.assert_allclose(bills.evidence.highest, [6.0, 6.0], atol=1e-6)
    monthly = sg.energy.Community(
        members=here.members,
        steps=here.steps,
        load_kwh=here.load_kwh,
        tariff=here.tariff,
        grid=Grid(demand_charges=[DemandCharge(price_per_kw=3.0)]),
    )
    bills = sg.owen_allocation(monthly, progress=False)
    assert bills.values == pytest.approx([9.0, 9.0])
    names = [share.name for share in bills.evidence.peak_shares]
    assert names == ["the demand charge of June 2016", "the demand charge of July 2016"]
    json.dumps(bills.evidence.to_dict())


def test_a_full_battery_shaves_the_peaks_of_both_months_over_midnight():
    # One kWh, lossless: what is left of it at midnight serves the second peak.
    here = sg.energy.Community(
        members=["ann"],
        steps=[f"2016-06-30T{hour}:00" for hour in (22, 23)]
        + [f"2016-07-01T0{hour}:00" for hour in (0, 1)],
        load_kwh=[[0.0, 2.0, 2.0, 0.0]],
        tariff=sg.energy.Tariff.flat(0.1, 0.1),
        batteries=[
            Battery(
                owner="ann",
                energy_kwh=1.0,
                power_kw=1.0,
                charge_efficiency=1.0,
                discharge_efficiency=1.0,
            )
        ],
        grid=Grid(demand_charges=[DemandCharge(price_per_kw=1.0)]),
    )
    # 4 kWh at 0.1, and peaks whose sum is 3 kW wherever the battery helps.
    assert here.cost_game().value(["ann"]) == pytest.approx(0.4 + 3.0)
    assert here.dispatch().cost == pytest.approx(3.4)


def test_which_steps_a_charge_counts():
    steps = TimeSteps(np.datetime64("2016-01-30T00:00"), HOUR, 24 * 4)
    saturday = DemandCharge(
        price_per_kw=2.0, start_minute=22 * 60, end_minute=2 * 60, days=[5]
    ).peak_charges(steps)
    # 30 January 2016 is a Saturday; 22:00 to 02:00 of it are its first and last two hours.
    assert [charge.steps.tolist() for charge in saturday] == [[0, 1, 22, 23]]
    january, february = DemandCharge(price_per_kw=2.0).peak_charges(steps)
    assert january.steps.tolist() == list(range(48))
    assert february.steps.tolist() == list(range(48, 96))
    assert february.name == "the demand charge of February 2016"
    (period,) = DemandCharge(price_per_kw=2.0, per="period").peak_charges(steps)
    assert len(period.steps) == 96
    assert DemandCharge(price_per_kw=0.0).peak_charges(steps) == []
    assert DemandCharge(price_per_kw=1.0, days=[3]).peak_charges(steps) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"price_per_kw": -1.0}, "price_per_kw must be non-negative, got -1.0"),
        (
            {"price_per_kw": 1.0, "per": "week"},
            'per must be "period", "month" or "year", got \'week\'',
        ),
        ({"price_per_kw": 1.0, "days": [8]}, "are not days of the week"),
        ({"price_per_kw": 1.0, "end_minute": 1441}, "1441 is not a minute of the day"),
    ],
)
def test_a_charge_that_cannot_be_is_refused(options, message):
    with pytest.raises(GameError, match=message):
        DemandCharge(**options)


def folder_with(folder, grid):
    hours = [f"2016-01-{day}T{hour:02}:00" for day in ("30", "31") for hour in range(24)]
    (folder / "members.csv").write_text("member,kind,meter,unit\nann,load,a,kW\n")
    rows = "\n".join(f"{time},{n % 5}" for n, time in enumerate(hours))
    (folder / "meters.csv").write_text(f"time,a\n{rows}\n")
    (folder / "tariff.csv").write_text("buy_eur_per_kwh,sell_eur_per_kwh\n0.3,0.1\n")
    (folder / "grid.csv").write_text(grid)
    return folder


def test_files_state_several_charges(tmp_path):
    grid = (
        "quantity,value,members,per,from,to,days\n"
        "demand_charge_per_kw,6.5,,,,,\n"
        "demand_charge_per_kw,10,,month,,,\n"
        "demand_charge_per_kw,4,,month,08:00,20:00,mon-fri\n"
    )
    read = sg.energy.Community.from_csv(folder_with(tmp_path, grid)).grid
    assert read.demand_charge_per_kw == 6.5
    assert read.demand_charges == (
        DemandCharge(price_per_kw=10.0),
        DemandCharge(price_per_kw=4.0, start_minute=480, end_minute=1200, days=range(5)),
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("demand_charge_per_kw,1,week,,,", 'line 2, column "per": "week" is neither month nor'),
        ("demand_charge_per_kw,1,month,25:00,,", 'line 2, column "from"'),
        ("demand_charge_per_kw,1,month,,,noday", 'line 2, column "days"'),
        ("import_limit_kw,9,month,,,", 'line 2, column "per": only a demand charge has a time'),
        (
            "demand_charge_per_kw,1,month,,,\ndemand_charge_per_kw,2,month,,,",
            'line 3, column "quantity": duplicate demand_charge_per_kw',
        ),
    ],
)
def test_wrong_cells_are_named(tmp_path, rows, message):
    with pytest.raises(GameError, match=message):
        sg.energy.Community.from_csv(
            folder_with(tmp_path, f"quantity,value,per,from,to,days\n{rows}\n")
        )


def test_charges_of_the_same_month_have_names_of_their_own():
    steps = TimeSteps(np.datetime64("2016-06-01"), HOUR, 48)
    evening = {"start_minute": 17 * 60, "end_minute": 21 * 60}
    charges = [
        DemandCharge(price_per_kw=1.0),
        DemandCharge(price_per_kw=2.0, days=[0, 2], **evening),
        DemandCharge(price_per_kw=3.0, per="period", **evening),
        DemandCharge(price_per_kw=4.0),
    ]
    named = Grid(demand_charge_per_kw=5.0, demand_charges=charges).peak_charges(steps)
    assert [charge.name for charge in named] == [
        "the demand charge",
        "the demand charge of June 2016",
        "the demand charge of June 2016 from 17:00 to 21:00 on mon wed",
        "the demand charge from 17:00 to 21:00",
        "the demand charge of June 2016 (number 2)",
    ]


def test_a_coalition_without_a_dispatch_is_named_with_its_step():
    here = sg.energy.Community(
        members=["ann", "bob"],
        steps=["2016-06-30T22:00", "2016-06-30T23:00"],
        load_kwh=[[1.0, 3.0], [0.0, 0.0]],
        pv_kwh=[[0.0, 0.0], [0.0, 2.0]],
        tariff=sg.energy.Tariff.flat(0.3, 0.1),
        batteries=[battery("ann", 0.5, 0.5, 1.0)],
        grid=Grid(import_limit_kw=2.0),
    )
    charged = replace(here.grid, demand_charge_per_kw=1.0)
    for community in (here, with_grid(here, charged)):
        for ask in (lambda game: game.tabulate(), lambda game: game.value(["ann"])):
            with pytest.raises(
                NotFiniteError, match=r"\{ann\} is inf.*no dispatch in step 1,"
            ) as e:
                ask(community.cost_game())
            assert e.value.step == 1


def with_grid(here, grid):
    """Return the same community at another grid."""
    return sg.energy.Community(
        members=here.members,
        steps=here.steps,
        load_kwh=here.load_kwh,
        pv_kwh=here.pv_kwh,
        tariff=here.tariff,
        batteries=here.batteries,
        grid=grid,
        curtailment=here.curtailment,
    )
