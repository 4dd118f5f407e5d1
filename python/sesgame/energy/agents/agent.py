"""What takes part in a clearing by agents: a protocol of one method."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from sesgame.errors import GameError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

__all__ = ["Agent", "weight_of"]


@runtime_checkable
class Agent(Protocol):
    r"""A member, or the grid, as others see it: an answer to a target.

    An agent has a convex cost :math:`f_i` of its net exchange :math:`q_i`, what it draws in each
    step less what it feeds in, and keeps it to itself. It answers with its proximal operator
    [parikh2014]_:

    .. math:: \operatorname{respond}(v, \rho)
              = \operatorname{argmin}_{q} f_i(q) + \tfrac{\rho}{2} \lVert q - v \rVert^2

    Anything with this method is an agent: an object of this process, or a proxy whose method asks
    another process or machine. It may return a future, something with ``result(timeout)``; then all
    are asked before any is waited for. A method of a Dask actor is such a one.

    Notes
    -----
    Optional, and read once:

    - ``own_cost(target, rho) -> float``: what the answer costs the agent itself, such as wear of
      its battery; 0 without it. It is part of its bill.
    - ``weight``: a positive number, 1 by default. An agent of weight w is asked with
      :math:`\rho / w`, and takes w shares of what is out of balance. It changes how many rounds are
      needed, not the result.
    - ``is_convex``: False for who has integer decisions. It is refused: rounds would not converge.
      An agent that says nothing of the kind is refused as soon as two of its answers show it.
    - ``price_scale``: what a kWh costs, more or less, for the first rho.

    Examples
    --------
    A load that costs :math:`(q - 3)^2` in each step if it is moved from 3 kWh:

    >>> import numpy as np
    >>> class Load:
    ...     def respond(self, target, rho):
    ...         return (2 * 3.0 + rho * target) / (2 + rho)
    >>> isinstance(Load(), Agent), Load().respond(np.array([0.0, 3.0]), 2.0).tolist()
    (True, [1.5, 3.0])
    """

    def respond(self, target: NDArray[Any], rho: float) -> Any:
        """Return the best net exchange near a target, shape (T,), in kWh, or a future of it.

        Parameters
        ----------
        target : ndarray of float, shape (T,)
            In kWh.
        rho : float
            The penalty, positive: money for each kWh, per kWh.
        """


def weight_of(label: Hashable, agent: Any) -> float:
    """Return the weight that an agent has.

    Raises
    ------
    GameError
        It is not a positive number.
    """
    weight = getattr(agent, "weight", 1.0)
    try:
        number = float(weight)
    except (TypeError, ValueError):
        number = math.nan
    if not (number > 0 and math.isfinite(number)):
        raise GameError(f"the weight of the agent {label!r} must be positive, got {weight!r}")
    return number
