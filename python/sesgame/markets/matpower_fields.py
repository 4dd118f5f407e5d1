"""Every field and column of a MATPOWER case: used, harmless, or refused if it is there.

Fields as in the manual, columns as in its appendix B (case format version 2). What is not listed is
refused. The pages of the documentation show these tables.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COLUMNS", "CONSTANTS", "FIELDS", "HARMLESS", "REFUSED", "USED", "Part"]

USED, HARMLESS, REFUSED = "used", "harmless", "refused"


class Part(NamedTuple):
    """A field or a column: whether it is used, and as what or why not."""

    name: str
    treatment: str
    note: str


CONSTANTS = {
    "PQ": 1.0,
    "PV": 2.0,
    "REF": 3.0,
    "NONE": 4.0,
    "PW_LINEAR": 1.0,
    "POLYNOMIAL": 2.0,
}
"""What MATPOWER calls some entries of bus and gencost."""

_REACTIVE = "reactive power, which a DC power flow has not"
_VOLTAGE = "voltages, which are 1 in a DC power flow"
_RESULT = "a result of MATPOWER's"
_ONE_HOUR = "one hour is cleared, so nothing ramps"
_EXTENSION = "an extension of the optimal power flow"
_THREE_PHASE = "three-phase networks"

FIELDS = {
    part.name: part
    for part in (
        Part("version", USED, "must be 2"),
        Part("baseMVA", USED, "the base of reactances, for phase shifts and limits of angles"),
        Part("bus", USED, "see below"),
        Part("gen", USED, "see below; each generator in service is a participant"),
        Part("branch", USED, "see below"),
        Part(
            "gencost", USED, "see below; the rows of reactive power (the second half) are harmless"
        ),
        Part("dcline", USED, "links, see below"),
        Part("dclinecost", REFUSED, "unless all costs are 0: nobody would bear them"),
        Part("bus_name", HARMLESS, "buses are labelled by their numbers"),
        Part("gentype", HARMLESS, "a label"),
        Part("genfuel", HARMLESS, "a label"),
        Part("areas", HARMLESS, "deprecated: MATPOWER does not use it either"),
        Part("name", HARMLESS, "a label"),
        Part("et", HARMLESS, _RESULT),
        Part("f", HARMLESS, _RESULT),
        Part("success", HARMLESS, _RESULT),
        Part("order", REFUSED, "internal numbering, in which rows are missing: int2ext first"),
        Part("A", REFUSED, _EXTENSION),
        Part("l", REFUSED, _EXTENSION),
        Part("u", REFUSED, _EXTENSION),
        Part("N", REFUSED, _EXTENSION),
        Part("H", REFUSED, _EXTENSION),
        Part("Cw", REFUSED, _EXTENSION),
        Part("fparm", REFUSED, _EXTENSION),
        Part("z0", REFUSED, _EXTENSION),
        Part("zl", REFUSED, _EXTENSION),
        Part("zu", REFUSED, _EXTENSION),
        Part("user_constraints", REFUSED, _EXTENSION),
        Part("userfcn", REFUSED, "functions that change the optimal power flow"),
        Part("softlims", REFUSED, "limits that may be exceeded at a price"),
        Part("reserves", REFUSED, "reserves compete with energy"),
        Part("if", REFUSED, "limits on the flow through interfaces"),
        Part("iflims", REFUSED, "limits on the flow through interfaces"),
        Part("bus3p", REFUSED, _THREE_PHASE),
        Part("line3p", REFUSED, _THREE_PHASE),
        Part("xfmr3p", REFUSED, _THREE_PHASE),
        Part("shunt3p", REFUSED, _THREE_PHASE),
        Part("load3p", REFUSED, _THREE_PHASE),
        Part("gen3p", REFUSED, _THREE_PHASE),
        Part("lc", REFUSED, _THREE_PHASE),
        Part("buslink", REFUSED, _THREE_PHASE),
        Part("gizmo", REFUSED, "elements of the user's own"),
    )
}
"""What a case may have; what is not here is refused, too."""

_MULTIPLIERS = ("MU_PMAX", "MU_PMIN", "MU_QMAX", "MU_QMIN")

COLUMNS: dict[str, tuple[Part, ...]] = {
    "bus": (
        Part("BUS_I", USED, "the label of the bus, a positive integer"),
        Part("BUS_TYPE", USED, "4: dropped, with its generators, branches and dclines"),
        Part("PD", USED, "fixed demand; a sum with GS below 0 is an injection"),
        Part("QD", HARMLESS, _REACTIVE),
        Part("GS", USED, "fixed demand: its MW at a voltage of 1"),
        Part("BS", HARMLESS, _REACTIVE),
        Part("BUS_AREA", HARMLESS, "a label"),
        Part("VM", HARMLESS, _VOLTAGE),
        Part("VA", HARMLESS, "of the reference bus of an island only, and so free"),
        Part("BASE_KV", HARMLESS, "reactances are per unit"),
        Part("ZONE", HARMLESS, "a label"),
        Part("VMAX", HARMLESS, _VOLTAGE),
        Part("VMIN", HARMLESS, _VOLTAGE),
        *(Part(name, HARMLESS, _RESULT) for name in ("LAM_P", "LAM_Q", "MU_VMAX", "MU_VMIN")),
    ),
    "gen": (
        Part("GEN_BUS", USED, "the bus of its orders"),
        Part("PG", HARMLESS, "a first guess"),
        Part("QG", HARMLESS, _REACTIVE),
        Part("QMAX", HARMLESS, _REACTIVE),
        Part("QMIN", HARMLESS, _REACTIVE),
        Part("VG", HARMLESS, _VOLTAGE),
        Part("MBASE", HARMLESS, "of impedances, which a power flow has not"),
        Part("GEN_STATUS", USED, "above 0: in service"),
        Part("PMAX", USED, "the largest power; where it is negative, it must be taken"),
        Part("PMIN", USED, "positive: must run; negative: a bid for what can be taken"),
        *(Part(name, HARMLESS, _REACTIVE) for name in ("PC1", "PC2", "QC1MIN", "QC1MAX")),
        *(Part(name, HARMLESS, _REACTIVE) for name in ("QC2MIN", "QC2MAX")),
        *(Part(name, HARMLESS, _ONE_HOUR) for name in ("RAMP_AGC", "RAMP_10", "RAMP_30", "RAMP_Q")),
        Part("APF", HARMLESS, "who follows the load within the hour"),
        *(Part(name, HARMLESS, _RESULT) for name in _MULTIPLIERS),
    ),
    "branch": (
        Part("F_BUS", USED, "from_bus of the line"),
        Part("T_BUS", USED, "to_bus of the line"),
        Part("BR_R", HARMLESS, "losses, which a DC power flow has not"),
        Part("BR_X", USED, "the reactance, as BR_X times TAP; negative is a series capacitor"),
        Part("BR_B", HARMLESS, _REACTIVE),
        Part("RATE_A", USED, "the limit; 0, or 1e10 and more, is none"),
        Part("RATE_B", HARMLESS, "a limit for shorter times; MATPOWER's OPF has that of RATE_A"),
        Part("RATE_C", HARMLESS, "a limit for shorter times; MATPOWER's OPF has that of RATE_A"),
        Part("TAP", USED, "a factor of the reactance; 0 is 1"),
        Part("SHIFT", USED, "a fixed shift of the phase: what it takes off the flow"),
        Part("BR_STATUS", USED, "1: in service, 0: not"),
        Part("ANGMIN", USED, "a lower limit of the flow; none below -360, or if both are 0"),
        Part("ANGMAX", USED, "an upper limit of the flow; none above 360, or if both are 0"),
        *(Part(name, HARMLESS, _RESULT) for name in ("PF", "QF", "PT", "QT", "MU_SF", "MU_ST")),
        *(Part(name, HARMLESS, _RESULT) for name in ("MU_ANGMIN", "MU_ANGMAX")),
    ),
    "gencost": (
        Part("MODEL", USED, "1: piecewise linear, 2: polynomial"),
        Part("STARTUP", HARMLESS, "units are in service or not"),
        Part("SHUTDOWN", HARMLESS, "units are in service or not"),
        Part("NCOST", USED, "the number of points, or of coefficients"),
        Part(
            "COST", USED, "from here on; convex, of degree 2 at most; the cost at 0 MW is left out"
        ),
    ),
    "dcline": (
        Part("F_BUS", USED, "from_bus of the link"),
        Part("T_BUS", USED, "to_bus of the link"),
        Part("BR_STATUS", USED, "above 0: in service"),
        Part("PF", HARMLESS, "a first guess"),
        Part("PT", HARMLESS, "a first guess"),
        *(Part(name, HARMLESS, _REACTIVE) for name in ("QF", "QT")),
        *(Part(name, HARMLESS, _VOLTAGE) for name in ("VF", "VT")),
        Part("PMIN", USED, "the smallest flow: where it enters, and where it arrives if negative"),
        Part("PMAX", USED, "the largest flow, likewise"),
        *(Part(name, HARMLESS, _REACTIVE) for name in ("QMINF", "QMAXF", "QMINT", "QMAXT")),
        Part("LOSS0", USED, "taken from the bus at which the flow arrives"),
        Part("LOSS1", USED, "the share that is lost; with one, no flow may go back"),
        *(Part(name, HARMLESS, _RESULT) for name in ("MU_PMIN", "MU_PMAX", "MU_QMINF", "MU_QMAXF")),
        *(Part(name, HARMLESS, _RESULT) for name in ("MU_QMINT", "MU_QMAXT")),
    ),
}
"""The columns of each matrix, in their order."""
