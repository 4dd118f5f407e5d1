"""Clearing by agents: 100 members over 96 steps, beside a linear program of their common dispatch.

    python -m pytest benches/test_agents.py --benchmark-only -p no:xdist

The answers of all native agents of a round are measured by themselves, too, beside those by a
solver of quadratic programs (HiGHS), which is what they do without.
"""

import highspy
import numpy as np
import pytest
import sesgame as sg
from sesgame.energy.agents.member_agent import native_responses

N, STEPS = 100, 96


def village(n=N, n_steps=STEPS, every=2):
    random = np.random.default_rng(0)
    steps = sg.energy.TimeSteps(np.datetime64("2016-06-01T00:00"), np.timedelta64(15, "m"), n_steps)
    hours = np.arange(n_steps) / 4 % 24
    sun = np.maximum(0.0, np.cos((hours - 13) / 12 * np.pi))
    roofs = random.uniform(0, 6, (n, 1)) * (random.random((n, 1)) < 0.5)
    return sg.energy.Community(
        members=[f"m{number}" for number in range(n)],
        steps=steps,
        load_kwh=random.uniform(0.05, 0.3, (n, n_steps)) * (1 + 0.8 * (hours > 17)),
        pv_kwh=roofs * sun / 4,
        tariff=sg.energy.PriceSeries(steps, 0.20 + 0.15 * (hours > 17), np.full(n_steps, 0.08)),
        batteries=[
            sg.energy.Battery(
                owner=f"m{number}",
                energy_kwh=3 + number % 4,
                power_kw=1 + number % 3,
                charge_efficiency=0.90 + 0.01 * (number % 5),
                discharge_efficiency=0.9,
            )
            for number in range(0, n, every)
        ],
    )


@pytest.mark.parametrize("every", [2, 1], ids=["50 batteries", "100 batteries"])
@pytest.mark.parametrize("way", ["agents", "linear program"])
def test_prices_of_100_members(benchmark, way, every):
    community = village(every=every)
    if way == "agents":
        agents = community.agents()
        found = benchmark.pedantic(
            lambda: sg.energy.clear_by_agents(agents, progress=False), rounds=3, warmup_rounds=1
        )
        assert found.converged
        benchmark.extra_info["rounds"] = found.rounds
    else:
        found = benchmark.pedantic(
            lambda: community.programme("linear").dual_bills(), rounds=3, warmup_rounds=1
        )


@pytest.mark.parametrize("way", ["engine", "HiGHS"])
def test_answers_of_a_round(benchmark, way):
    agents = [agent for agent in village(every=1).agents().values() if hasattr(agent, "native")]
    targets = np.random.default_rng(1).normal(0, 0.5, (len(agents), STEPS))
    rhos = np.full(len(agents), 0.5)
    if way == "engine":
        found = benchmark(lambda: native_responses(agents, targets, rhos)[0])
        one = quadratic_program(agents[0], targets[0], rhos[0])
        # HiGHS adds 1e-7 to the Hessian of all three columns of a step.
        np.testing.assert_allclose(found[0], one, atol=1e-4)
    else:
        benchmark.pedantic(
            lambda: [
                quadratic_program(agent, target, rho)
                for agent, target, rho in zip(agents, targets, rhos, strict=True)
            ],
            rounds=3,
        )


def quadratic_program(agent, target, rho):
    """Return an answer by HiGHS: columns of what is charged, discharged and stored in each step."""
    net, storage, n = agent.net_load_kwh, agent.storage, len(target)
    charge, discharge = storage.charge_efficiency[0], storage.discharge_efficiency[0]
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = 3 * n, n
    slope = rho * (net - target)
    wear = storage.degradation_cost_per_kwh[0]
    program.col_cost_ = np.concatenate([slope, wear - slope, np.zeros(n)])
    lowest = np.zeros(3 * n)
    lowest[-1] = storage.initial_charge_kwh[0]
    program.col_lower_ = lowest
    power = storage.charge_power_kw[0] * agent.step_hours
    most = storage.discharge_power_kw[0] * agent.step_hours
    program.col_upper_ = np.repeat([power, most, storage.energy_kwh[0]], n)
    program.row_lower_ = program.row_upper_ = np.r_[storage.initial_charge_kwh[0], np.zeros(n - 1)]
    starts, indices, values = [0], [], []
    for step in range(n):
        row = {2 * n + step: 1.0, step: -charge, n + step: 1 / discharge}
        if step:
            row[2 * n + step - 1] = -1.0
        indices += row
        values += row.values()
        starts.append(len(indices))
    program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    program.a_matrix_.start_, program.a_matrix_.index_ = np.array(starts), np.array(indices)
    program.a_matrix_.value_ = np.array(values)
    highs.passModel(program)
    hessian = highspy.HighsHessian()
    hessian.dim_, hessian.format_ = 3 * n, highspy.HessianFormat.kTriangular
    # The lower triangle by columns: rho (c - d)^2 / 2.
    starts = [*range(0, 2 * n, 2), *range(2 * n, 3 * n), *[3 * n] * (n + 1)]
    indices = [each for step in range(n) for each in (step, n + step)] + list(range(n, 2 * n))
    hessian.start_, hessian.index_ = np.array(starts), np.array(indices)
    hessian.value_ = np.array([rho, -rho] * n + [rho] * n)
    highs.passHessian(hessian)
    highs.run()
    x = np.array(highs.getSolution().col_value)
    return net + x[:n] - x[n : 2 * n]
