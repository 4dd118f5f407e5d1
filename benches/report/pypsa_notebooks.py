"""PyPSA's own examples as games, against PyPSA's model of each network without the absent.

    python benches/report/pypsa_notebooks.py docs/examples/*.ipynb

from the root of PyPSA's source package. The code of each notebook is run without plots and without
the internet, and each optimisation that it asks for is copied with its options. Owners are drawn;
the value of each coalition is compared with the cost of the network without the components of
others. A line says how many coalitions were compared, how many of them have a value, and the
largest relative difference.
"""

from __future__ import annotations

import argparse
import ast
import copy
import itertools
import json
import logging
import os
import random
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import pypsa
from pypsa.optimization.optimize import OptimizationAccessor
from sesgame.adapters.pypsa import network_game
from sesgame.adapters.pypsa.catalogue import COMPONENTS, OPTIONS, OWNABLE, PASSIVE, PORTS
from sesgame.errors import CharacteristicFunctionError, SesgameError

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from fixtures.pypsa_networks import Example, cost_without_others

TOLERANCE = 1e-6
"""Relative: HiGHS is optimal to 1e-7 of rows and columns, in each of two solves."""
SIZE = 3_000
"""Components times snapshots, from where only the first snapshots are optimised."""
DRAWS = 4
"""Of owners; that with the most coalitions that have a value counts."""

FIRST = ("snapshots", "multi_investment_periods")
"""What an optimisation takes by position."""

Hook = Callable[[pypsa.Network, Any], None]


@dataclass
class Call:
    """An optimisation that a notebook asked for."""

    network: pypsa.Network
    options: dict[str, Any]
    hook: Hook | None = None


@dataclass
class Notebook:
    """The code of a notebook, what of it failed, and the optimisations that it asked for."""

    path: Path
    calls: list[Call] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._names: dict[str, Any] = {"__name__": "notebook", "display": lambda *_: None}
        self._statements: list[ast.stmt] = []
        self._inside = False
        self._begun: tuple[Call, pypsa.Network, int] | None = None

    def run(self) -> None:
        """Run each statement by itself: one that needs a plot or the internet stops no other."""
        accessor = OptimizationAccessor
        with (
            patch.object(accessor, "__call__", self._recorded(accessor.__call__)),
            patch.object(accessor, "create_model", self._building(accessor.create_model)),
            patch.object(accessor, "solve_model", self._solving(accessor.solve_model)),
            patch.object(
                accessor,
                "optimize_security_constrained",
                self._security(accessor.optimize_security_constrained),
            ),
        ):
            for statement in _statements(self.path):
                try:
                    _execute(statement, self._names)
                except TimeoutError:
                    raise
                except Exception as error:
                    self.failures.append(f"{type(error).__name__}: {error}")
                    if isinstance(statement, ast.Import | ast.ImportFrom):
                        for alias in statement.names:
                            name = alias.asname or alias.name.partition(".")[0]
                            self._names.setdefault(name, MagicMock())
                self._statements.append(statement)

    def _recorded(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def optimize(accessor: Any, *arguments: Any, **options: Any) -> Any:
            options = {**dict(zip(FIRST, arguments, strict=False)), **options}
            call = Call(_copied(accessor._n), dict(options))
            call.hook = call.options.pop("extra_functionality", None)
            self.calls.append(call)
            with self._within():
                return method(accessor, **options)

        return optimize

    def _building(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def create_model(accessor: Any, *arguments: Any, **options: Any) -> Any:
            if not self._inside:
                network = accessor._n
                first = dict(zip(FIRST, arguments, strict=False))
                call = Call(_copied(network), {**first, **options})
                self._begun = call, network, len(self._statements) + 1
            return method(accessor, *arguments, **options)

        return create_model

    def _solving(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def solve_model(accessor: Any, *arguments: Any, **options: Any) -> Any:
            if not self._inside and self._begun is not None:
                call, network, start = self._begun
                between = self._statements[start:]
                call.hook = self._replay(between, network, network.model)
                self.calls.append(call)
                self._begun = None
            return method(accessor, *arguments, **options)

        return solve_model

    def _replay(self, statements: list[ast.stmt], network: Any, model: Any) -> Hook:
        """Return a function that does to another network what statements did to this one."""
        names = dict(self._names)

        def hook(other: pypsa.Network, snapshots: Any) -> None:
            del snapshots
            instead = {id(network): other, id(model): other.model}
            again = {name: instead.get(id(value), value) for name, value in names.items()}
            for statement in statements:
                _execute(statement, again)

        return hook

    def _security(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """Record what adds its rows to a model between building and solving it."""

        def optimize(accessor: Any, snapshots: Any = None, **options: Any) -> Any:
            outages = {"branch_outages": options.get("branch_outages")}

            def hook(network: pypsa.Network, some: Any) -> None:
                with (
                    patch.object(
                        OptimizationAccessor, "create_model", lambda *_, **__: network.model
                    ),
                    patch.object(OptimizationAccessor, "solve_model", lambda *_, **__: None),
                ):
                    method(network.optimize, some, **outages)

            options_of_model = {"snapshots": snapshots, **options}
            options_of_model.pop("branch_outages", None)
            self.calls.append(Call(_copied(accessor._n), options_of_model, hook))
            with self._within():
                return method(accessor, snapshots, **options)

        return optimize

    @contextmanager
    def _within(self) -> Iterator[None]:
        before, self._inside = self._inside, True
        try:
            yield
        finally:
            self._inside = before


def _copied(network: pypsa.Network) -> pypsa.Network:
    """Return a copy without the model: PyPSA does not copy its solver."""
    model = getattr(network, "_model", None)
    return copy.deepcopy(network, {} if model is None else {id(model): None})


def _statements(path: Path) -> Iterator[ast.stmt]:
    """Yield the statements of a notebook but commands of IPython, errors of warnings, pictures."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            lines = "".join(cell["source"]).splitlines()
            code = "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))
            for statement in ast.parse(code).body:
                text = ast.unparse(statement)
                is_setting = text.startswith("warnings.")
                is_picture = re.search(r"\bplt\.|\bsns\.|\.plot\b", text) is not None
                if isinstance(statement, ast.FunctionDef) or not (is_setting or is_picture):
                    yield statement


def _execute(statement: ast.stmt, names: dict[str, Any]) -> None:
    exec(compile(ast.Module([statement], []), "<notebook>", "exec"), names)


def example_of(call: Call, players: Sequence[str], seed: int) -> Example:
    """Return a call with drawn owners: those of loads, and of most of the rest."""
    draw = random.Random(seed)
    owners, shared = {}, []
    for kind in (*OWNABLE, *PASSIVE):
        frame = call.network.components[kind].static
        for name in frame.index.unique("name"):
            if kind in PASSIVE:  # shared, if nobody is named
                if call.hook is None and draw.random() < 0.2:
                    owners[kind, name] = draw.choice(players)
            elif kind == "Load" or seed == 0 or draw.random() < 0.7:
                owners[kind, name] = draw.choice(players)
            else:
                shared.append((kind, name))
    options = {
        name: value
        for name, value in call.options.items()
        if OPTIONS.get(name, "") is None and value is not None
    }
    kept, network = _snapshots(call), call.network
    if call.options.get("snapshots") is not None:
        options["snapshots"] = kept
    elif len(kept) < len(network.snapshots):
        network = _copied(network)
        network.set_snapshots(kept)
    if call.hook is not None:
        options["extra_functionality"] = call.hook
    return Example(network, owners, shared, options)


def _own_columns(network: pypsa.Network) -> set[str]:
    """Return the columns of a network's frames that PyPSA does not know: a notebook's own."""
    ports = re.compile("|".join(PORTS.values()))
    return {
        column
        for components in network.components
        for column in (*components.static.columns, *components.dynamic)
        if column not in components.defaults.index
        and column not in COMPONENTS[components.name]
        and not ports.fullmatch(column)
    }


def _snapshots(call: Call) -> Any:
    """Return the snapshots of a call, or so many of the first that all coalitions are solved."""
    network, asked = call.network, call.options.get("snapshots")
    snapshots = (
        network.snapshots
        if asked is None
        else network.snapshots[
            network.snapshots.isin([asked] if isinstance(asked, str) else list(asked))
        ]
    )
    components = sum(len(network.components[kind].static) for kind in (*OWNABLE, *PASSIVE))
    most = max(SIZE // max(components, 1), 2)
    if len(snapshots) <= most:
        return snapshots
    if len(network.investment_periods) == 0:
        return snapshots[:most]
    periods = snapshots.get_level_values(0)
    of_each = most // len(network.investment_periods) + 1
    return snapshots[[i for i, p in enumerate(periods) if (periods[:i] == p).sum() < of_each]]


@dataclass
class Comparison:
    """What came out for one optimisation."""

    kind: str = ""
    status: str = "refused"
    reason: str = ""
    n_coalitions: int = 0
    n_with_value: int = 0
    difference: float = 0.0


def compared(call: Call, players: Sequence[str]) -> Comparison:
    """Return how the values of all coalitions compare, of the draw with the most values."""
    best: tuple[int, Example, dict[tuple[Any, ...], float | None]] | None = None
    reason = ""
    for seed in (*range(1, DRAWS), 0):
        example = example_of(call, players, seed)
        try:
            values = _values(example)
        except SesgameError as error:
            reason = str(error)
            continue
        with_value = sum(value is not None for value in values.values())
        if best is None or with_value > best[0]:
            best = with_value, example, values
        if 2 * with_value > len(values):
            break
    if best is None:
        return Comparison(reason=reason)
    _, example, values = best
    found = Comparison(_kind(example), "right", n_coalitions=len(values))
    for coalition, value in values.items():
        try:
            cost = cost_without_others(example, coalition)
        except AssertionError:
            cost = None
        except (KeyError, IndexError, ValueError) as error:  # a hook that needs a component
            found.n_coalitions -= 1
            found.reason = f"{type(error).__name__} of PyPSA without the absent: {error}"
            continue
        if value is not None and cost is not None:
            difference = abs(value - cost) / max(abs(cost), abs(value), TOLERANCE)
            found.difference = max(found.difference, difference)
            found.n_with_value += 1
        if (value is None) != (cost is None) or found.difference > TOLERANCE:
            found.status = "wrong"
            found.reason = f"{coalition} is worth {value}, and costs {cost}"
            break
    return found


def _values(example: Example) -> dict[tuple[Any, ...], float | None]:
    """Return the value of each coalition, None where it has none."""
    game = network_game(
        example.network,
        example.owners,
        shared=example.shared,
        ignored=_own_columns(example.network),
        **example.options,
    )

    def value(coalition: tuple[Any, ...]) -> float | None:
        try:
            return game.value(coalition)
        except CharacteristicFunctionError:
            return None

    sizes = range(game.n_players, 0, -1)
    every = itertools.chain(*(itertools.combinations(game.players, size) for size in sizes))
    return {coalition: value(coalition) for coalition in every}


def _kind(example: Example) -> str:
    """Return what PyPSA's model of all components is."""
    network, options = example.network.copy(), dict(example.options)
    hook = options.pop("extra_functionality", None)
    model = network.optimize.create_model(include_objective_constant=False, **options)
    if hook is not None:
        hook(network, model.parameters["snapshots"].to_index())
    return {"LP": "linear", "MILP": "integer", "QP": "quadratic"}.get(model.type, model.type)


@contextmanager
def _alone(networks: Path) -> Iterator[None]:
    """Let nothing be drawn or downloaded, and find PyPSA's networks in its source package."""
    import matplotlib as mpl

    mpl.use("Agg")

    def refused(*_: Any, **__: Any) -> None:
        raise OSError("no internet")

    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "pypsa" / "examples" / f"v{pypsa.__version__}"
        cache.mkdir(parents=True)
        for file in networks.glob("*/*.nc"):
            shutil.copy(file, cache / f"{file.stem.replace('-', '_')}.nc")
        here = os.getcwd()
        os.chdir(folder)  # where notebooks write
        try:
            with (
                patch.dict(os.environ, XDG_CACHE_HOME=folder),
                patch.object(socket.socket, "connect", refused),
                patch.object(socket, "getaddrinfo", refused),
            ):
                yield
        finally:
            os.chdir(here)


def main() -> None:
    """Print a line for each optimisation of the notebooks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", type=Path, nargs="+")
    parser.add_argument("--calls", type=int, default=4, help="of a notebook, evenly spread")
    parser.add_argument("--seconds", type=int, default=900, help="for a notebook")
    parser.add_argument("--owners", type=int, default=3, help="among whom components are drawn")
    arguments = parser.parse_args()
    players = [f"owner {number}" for number in range(1, arguments.owners + 1)]
    signal.signal(signal.SIGALRM, _too_long)
    logging.disable(logging.ERROR)
    for path in arguments.notebooks:
        signal.alarm(arguments.seconds)
        try:
            for line in _lines(path.resolve(), arguments.calls, players):
                print(f"| {path.stem} | {line} |", flush=True)
        except TimeoutError as error:
            print(f"| {path.stem} | {error} |", flush=True)
        signal.alarm(0)


def _too_long(*_: Any) -> None:
    raise TimeoutError("not done in time")


def _lines(path: Path, most: int, players: Sequence[str]) -> Iterator[str]:
    """Yield a line for each optimisation of a notebook, and one for what could not be run."""
    notebook = Notebook(path)
    with (
        _alone(path.parents[2] / "examples" / "networks"),
        open(os.devnull, "w") as nowhere,
        redirect_stdout(nowhere),
        warnings.catch_warnings(action="ignore"),
    ):
        notebook.run()
    print(path.stem, *notebook.failures, sep="\n  ", file=sys.stderr, flush=True)
    if any("no internet" in failure for failure in notebook.failures):
        yield "needs the internet"
    elif not notebook.calls:
        yield "optimises nothing"
    step = max(1, -(-len(notebook.calls) // most))
    for number, call in list(enumerate(notebook.calls, 1))[::step]:
        start = time.process_time()
        with warnings.catch_warnings(action="ignore"):
            found = compared(call, players)
        yield (
            f"{number} of {len(notebook.calls)} | {len(call.network.buses)} buses, "
            f"{len(_snapshots(call))} of {len(call.network.snapshots)} snapshots | {found.kind} "
            f"| {found.status} {found.reason[:300]} | {found.n_with_value} of "
            f"{found.n_coalitions} | {found.difference:.0e} | {time.process_time() - start:.0f} s"
        )


if __name__ == "__main__":
    main()
