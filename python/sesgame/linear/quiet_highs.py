"""HiGHS as a library inside another program: silent, sequential, and no status goes unread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sesgame.errors import SolverError
from sesgame.linear.own_thread import make_stoppable

if TYPE_CHECKING:
    import highspy

__all__ = ["OPTIONS", "checked", "info", "quiet_highs", "said"]

OPTIONS: dict[str, Any] = {"threads": 1, "random_seed": 0, "mip_rel_gap": 0.0}
"""What makes a value the same in every process, and a MILP solved to the end."""


def quiet_highs() -> highspy.Highs:
    """Return a HiGHS object that prints nothing, from its first moment, and solves sequentially.

    It is solved by :func:`sesgame.linear.own_thread.run` on an
    :class:`~sesgame.linear.own_thread.OwnThread`, which can be stopped. Everything that returns a
    status is called by :func:`checked`.

    Raises
    ------
    SolverError
        HiGHS refuses one of the options.
    """
    import highspy

    highs = highspy.Highs.__new__(highspy.Highs)
    # Not what Highs itself does after this: it registers callbacks, and with that HiGHS 1.16
    # prints its banner before anybody can tell it not to.
    super(highspy.Highs, highs).__init__()
    checked(highs, highs.setOptionValue, "output_flag", False)
    for option, value in OPTIONS.items():
        checked(highs, highs.setOptionValue, option, value)
    make_stoppable(highs)
    return highs


def checked(
    highs: highspy.Highs,
    call: Callable[..., Any],
    *arguments: Any,
    warning_is_fine: bool = False,
) -> highspy.HighsStatus:
    """Call a method that returns a status, and look at it.

    Parameters
    ----------
    highs : highspy.Highs
        From :func:`quiet_highs`.
    call : callable
        A method of this object; arguments follow.
    warning_is_fine : bool, default False
        Return ``HighsStatus.kWarning``, too: the caller looks at what is the matter.

    Returns
    -------
    highspy.HighsStatus
        ``kOk``, or ``kWarning`` if that is fine.

    Raises
    ------
    SolverError
        Any other status; with what HiGHS has to say on it.
    """
    import highspy

    status: highspy.HighsStatus = call(*arguments)
    if status == highspy.HighsStatus.kOk:
        return status
    if status == highspy.HighsStatus.kWarning and warning_is_fine:
        return status
    name = getattr(call, "__name__", "call")
    reason = said(highs, call, *arguments) or f"{name} returned {status.name} without a message"
    if name == "setOptionValue":
        reason = f"{reason} (option {arguments[0]!r}, value {arguments[1]!r})"
    raise SolverError(f"HiGHS {name}", reason)


def info(highs: highspy.Highs, name: str) -> float:
    """Return a number about the solution.

    Raises
    ------
    SolverError
        HiGHS does not know it.
    """
    import highspy

    status, value = highs.getInfoValue(name)
    if status != highspy.HighsStatus.kOk:
        raise SolverError("HiGHS getInfoValue", f"{name} is not known: {status.name}")
    return float(value)


def said(highs: highspy.Highs, call: Callable[..., Any], *arguments: Any) -> str:
    """Return the warnings and errors that HiGHS reports when a failed call is made again.

    Only a log file has them in all versions: the logging callback of HiGHS 1.13 is called only
    if HiGHS writes to the standard output as well, which is our users'.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        log = Path(folder, "highs.log")
        options: dict[str, Any] = {
            "log_to_console": False,
            "log_file": str(log),
            "output_flag": True,
        }
        for option, value in options.items():
            highs.setOptionValue(option, value)
        call(*arguments)
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("log_file", "")
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    kinds = ("ERROR:", "WARNING:")
    return "; ".join(
        " ".join(line.split()[1:]) for line in lines if line.lstrip().startswith(kinds)
    )
