"""How a characteristic function gets to a worker: once, not once for each block.

Within a process nothing is packed. To another process or machine the function goes as bytes with
their digest; a worker keeps what it has unpacked, and later blocks carry the digest alone. A
worker that does not know the digest says so, and its block is sent again with the bytes.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import traceback
from collections import OrderedDict
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import CharacteristicFunctionError, GameError, SesgameError, SolverError
from sesgame.game.characteristic_function import CharacteristicFunction
from sesgame.game.portable import pickled

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BlockResult", "Failure", "Package", "Shipment", "evaluate_block"]

SMALL = 1 << 15
"""Bytes that are not worth asking for: they go along with every block."""

KEPT = 4
"""Functions that a worker keeps unpacked."""


class Package:
    """A characteristic function, packed when it first leaves the process."""

    def __init__(self, function: CharacteristicFunction) -> None:
        self.function = function
        self.failure: GameError | None = None
        self._packed: tuple[str, bytes] | None = None

    def packed(self) -> tuple[str, bytes]:
        """Return the digest and the bytes.

        Raises
        ------
        GameError
            The function cannot be packed. The error is kept in `failure`, too.
        """
        if self._packed is None:
            try:
                packed = pickled(self.function)
            except Exception as error:
                self.failure = GameError(
                    f"the characteristic function cannot be sent to another process "
                    f"({type(error).__name__}: {error}); define it at the top level of a module, "
                    f"make a solver, lock or open file inside it instead of taking it along, "
                    f"install cloudpickle for lambdas and notebooks, or use an executor of threads"
                )
                self.failure.__cause__ = error
                raise self.failure from error
            self._packed = hashlib.sha256(packed).hexdigest(), packed
        return self._packed


@dataclass(frozen=True)
class Shipment:
    """A function for a worker, with its bytes or by its digest alone."""

    package: Package
    with_bytes: bool

    def load(self) -> CharacteristicFunction | None:
        """Return the function: this is still the process that it comes from."""
        return self.package.function

    def __reduce__(self) -> tuple[Any, ...]:
        try:
            digest, packed = self.package.packed()
        except GameError:
            # Raised here, in whatever thread the executor packs, it would be lost, and some
            # executors would wait for ever. The worker asks for the bytes that nobody has.
            return _Arrival, ("", None)
        return _Arrival, (digest, packed if self.with_bytes or len(packed) <= SMALL else None)


_unpacked: OrderedDict[str, CharacteristicFunction] = OrderedDict()


@dataclass(frozen=True)
class _Arrival:
    """What a shipment is on the other side."""

    digest: str
    packed: bytes | None

    def load(self) -> CharacteristicFunction | None:
        """Return the function, or None where only a digest came that nobody here knows."""
        function = _unpacked.get(self.digest)
        if function is None and self.packed is not None:
            # Workers share a machine: each of them gets one thread for its linear algebra.
            for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
                os.environ.setdefault(name, "1")
            function = pickle.loads(self.packed)
            _limit_threads()
            _unpacked[self.digest] = function
            while len(_unpacked) > KEPT:
                _unpacked.popitem(last=False)
        return function


def _limit_threads() -> None:
    """Do for libraries that are loaded already what the environment does for later ones."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return
    threadpool_limits(1)


@dataclass(frozen=True)
class Failure:
    """Why a block was not finished; it survives the way back whatever the user's error is."""

    error: SesgameError
    cause: BaseException | None
    traceback: str

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        try:
            pickle.loads(pickle.dumps(self.cause))
        except Exception:
            state["cause"] = None
        return state

    def raised(self) -> SesgameError:
        """Return the error with its cause, or with the worker's traceback as its cause."""
        self.error.__cause__ = self.cause or RuntimeError(self.traceback)
        return self.error


@dataclass(frozen=True)
class BlockResult:
    """What comes back: values (NaN where not finished), the seconds they took, what failed."""

    values: NDArray[np.float64]
    seconds: float
    failure: Failure | None = None


def evaluate_block(
    shipment: Shipment | _Arrival, membership: NDArray[np.bool_]
) -> BlockResult | None:
    """Evaluate a block where the worker is; None asks for the bytes of the function."""
    values = np.full(len(membership), np.nan)
    start = perf_counter()
    try:
        function = shipment.load()
    except Exception as error:
        message = (
            f"a worker could not load the characteristic function "
            f"({type(error).__name__}: {error}); install what it needs where the workers run"
        )
        failure = Failure(GameError(message), error, traceback.format_exc())
        return BlockResult(values, perf_counter() - start, failure)
    if function is None:
        return None
    result = BlockResult(values, 0.0)
    start = perf_counter()
    try:
        function.evaluate(membership, values)
    except (CharacteristicFunctionError, SolverError) as error:
        failure = Failure(error, error.__cause__, traceback.format_exc())
        result = replace(result, failure=failure)
    return replace(result, seconds=perf_counter() - start)
