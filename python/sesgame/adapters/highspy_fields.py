"""What a HiGHS object holds, and what of it makes a model that is no game of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.adapters.foreign_fields import Fields, harmless, refuse, refused, used

if TYPE_CHECKING:
    import highspy

__all__ = ["FIELDS", "check"]

HIGHS: Fields = {
    "linear objectives": refused("put one objective into the costs of the columns"),
    "callbacks": used("those that are listed as harmless; others are refused"),
}

MODEL: Fields = {
    "lp_": used("the linear part"),
    "hessian_": used("the quadratic part of the objective"),
}

LP: Fields = {
    "num_col_": used("number of columns"),
    "num_row_": used("number of rows"),
    "col_cost_": used("costs of the columns"),
    "col_lower_": used("lower bounds of the columns"),
    "col_upper_": used("upper bounds of the columns"),
    "row_lower_": used("lower bounds of the rows"),
    "row_upper_": used("upper bounds of the rows"),
    "a_matrix_": used("coefficients of the rows"),
    "sense_": used("minimise or maximise"),
    "offset_": used("constant of the objective"),
    "integrality_": used("kinds of the columns"),
    "model_name_": harmless("a name"),
    "col_names_": harmless("names"),
    "row_names_": harmless("names"),
    "is_scaled_": refused("the data are those of a solve; pass the model before it is scaled"),
    "scale_": harmless("factors of a solve, which are in the data only with is_scaled_"),
    "is_moved_": refused("the data are elsewhere; pass the object that has them"),
    "mods_": harmless("what HiGHS has changed for a solve and changes back after it"),
}

MATRIX: Fields = {
    "format_": used("by columns or by rows"),
    "num_col_": used("number of columns"),
    "num_row_": used("number of rows"),
    "start_": used("where each column or row begins"),
    "p_end_": harmless("where the first part of a row ends; of partitioned rows only"),
    "index_": used("rows or columns of the coefficients"),
    "value_": used("the coefficients"),
}

HESSIAN: Fields = {
    "dim_": used("number of columns"),
    "format_": used("a triangle or the whole square"),
    "start_": used("where each column begins"),
    "index_": used("rows of the entries"),
    "value_": used("the entries"),
}

KINDS: Fields = {
    "kContinuous": used("any number within the bounds"),
    "kInteger": used("integers within the bounds"),
    "kSemiContinuous": used("0, or any number within the bounds, which must be finite"),
    "kSemiInteger": used("0, or an integer within the bounds, which must be finite"),
    "kImplicitInteger": used("integers within the bounds"),
}

MATRIX_FORMATS: Fields = {
    "kColwise": used("by columns"),
    "kRowwise": used("by rows"),
    "kRowwisePartitioned": refused("call ensureRowwise() first"),
}

HESSIAN_FORMATS: Fields = {
    "kTriangular": used("the lower triangle, which stands for both"),
    "kSquare": used("both triangles"),
}

SENSES: Fields = {
    "kMinimize": used("a cost game"),
    "kMaximize": used("a gain game"),
}

CALLBACKS: Fields = {
    "kCallbackLogging": harmless("is told of a solve"),
    "kCallbackMin": harmless("another name of kCallbackLogging"),
    "kCallbackSimplexInterrupt": harmless("may stop a solve; ours goes on to the end"),
    "kCallbackIpmInterrupt": harmless("may stop a solve; ours goes on to the end"),
    "kHighsCallbackQpInterrupt": harmless("may stop a solve; ours goes on to the end"),
    "kHighsCallbackQpFirstFeasiblePoint": harmless("is told of a solution"),
    "kCallbackMipInterrupt": harmless("may stop a solve; ours goes on to the end"),
    "kCallbackMipSolution": harmless("is told of a solution"),
    "kCallbackMipImprovingSolution": harmless("is told of a solution"),
    "kCallbackMipLogging": harmless("is told of a solve"),
    "kCallbackMipGetCutPool": harmless("is told of cuts"),
    "kCallbackMipUserSolution": harmless("gives a solution to begin with"),
    "kCallbackMipDefineLazyConstraints": refused("add its constraints to the model as rows"),
}

_LIMIT = harmless("when a solve stops; ours goes on to the optimum")
_METHOD = harmless("how a solve is done; ours is done our way")
_TOLERANCE = harmless("how exact a solve is; ours is checked by its own tolerances")
_OUTPUT = harmless("what a solve prints or writes; ours is silent")
_INPUT = harmless("how data are taken in; what is in the model already is read as it is")

OPTIONS: Fields = {
    "user_objective_scale": refused("set it to 0 and choose other units instead"),
    "user_bound_scale": refused("set it to 0 and choose other units instead"),
    "solve_relaxation": refused("set it to False, and make the columns continuous instead"),
    "infinite_cost": refused("set it to 1e20, its default, and remove what is infinite"),
    "blend_multi_objectives": harmless("of linear objectives, which are refused"),
    **dict.fromkeys(("infinite_bound", "small_matrix_value", "large_matrix_value"), _INPUT),
    **dict.fromkeys(
        (
            "time_limit",
            "objective_bound",
            "objective_target",
            "simplex_iteration_limit",
            "ipm_iteration_limit",
            "pdlp_iteration_limit",
            "qp_iteration_limit",
            "mip_max_nodes",
            "mip_max_stall_nodes",
            "mip_max_leaves",
            "mip_max_improving_sols",
            "mip_max_start_nodes",
            "mip_root_presolve_only",
            "iis_time_limit",
        ),
        _LIMIT,
    ),
    **dict.fromkeys(
        (
            "kkt_tolerance",
            "primal_feasibility_tolerance",
            "dual_feasibility_tolerance",
            "primal_residual_tolerance",
            "dual_residual_tolerance",
            "optimality_tolerance",
            "ipm_optimality_tolerance",
            "pdlp_optimality_tolerance",
            "qp_regularization_value",
            "mip_feasibility_tolerance",
            "mip_rel_gap",
            "mip_abs_gap",
        ),
        _TOLERANCE,
    ),
    **dict.fromkeys(
        (
            "read_solution_file",
            "read_basis_file",
            "write_model_file",
            "write_basis_file",
            "write_presolved_model_file",
            "write_presolved_model_to_file",
            "write_iis_model_file",
            "mip_improving_solution_save",
            "mip_improving_solution_report_sparse",
            "mip_improving_solution_file",
            "write_model_to_file",
            "write_solution_to_file",
            "write_solution_style",
            "glpsol_cost_row_location",
            "solution_file",
            "log_file",
            "output_flag",
            "log_to_console",
            "timeless_log",
            "log_dev_level",
            "log_githash",
            "highs_debug_level",
            "highs_analysis_level",
            "mip_report_level",
            "mip_min_logging_interval",
        ),
        _OUTPUT,
    ),
    **dict.fromkeys(
        (
            "presolve",
            "solver",
            "parallel",
            "threads",
            "random_seed",
            "ranging",
            "run_crossover",
            "allow_unbounded_or_infeasible",
            "allowed_matrix_scale_factor",
            "ipx_dualize_strategy",
            "simplex_strategy",
            "simplex_scale_strategy",
            "simplex_crash_strategy",
            "simplex_dual_edge_weight_strategy",
            "simplex_primal_edge_weight_strategy",
            "simplex_update_limit",
            "simplex_min_concurrency",
            "simplex_max_concurrency",
            "simplex_dualize_strategy",
            "simplex_permute_strategy",
            "simplex_price_strategy",
            "pdlp_scaling_mode",
            "pdlp_scaling",
            "pdlp_ruiz_iterations",
            "pdlp_restart_strategy",
            "pdlp_cupdlpc_restart_method",
            "pdlp_e_restart_method",
            "pdlp_step_size_strategy",
            "hipo_system",
            "hipo_parallel_type",
            "hipo_parallel_force",
            "hipo_parallel_forbid",
            "hipo_ordering",
            "hipo_factor",
            "hipo_block_size",
            "hipo_serial_blas",
            "presolve_mode",
            "iis_strategy",
            "test_qp_oracle",
            "qp_allow_hot_start",
            "qp_nullspace_limit",
            "mip_detect_symmetry",
            "mip_allow_restart",
            "mip_allow_cut_separation_at_nodes",
            "mip_lifting_for_probing",
            "mip_search_simulate_concurrency",
            "mip_lp_solver",
            "mip_ipm_solver",
            "mip_lp_age_limit",
            "mip_pool_age_limit",
            "mip_pool_soft_limit",
            "mip_pscost_minreliable",
            "mip_min_cliquetable_entries_for_parallelism",
            "mip_heuristic_effort",
            "mip_heuristic_run_feasibility_jump",
            "mip_heuristic_run_rins",
            "mip_heuristic_run_rens",
            "mip_heuristic_run_root_reduced_cost",
            "mip_heuristic_run_zi_round",
            "mip_heuristic_run_shifting",
        ),
        _METHOD,
    ),
}

FIELDS: Mapping[str, Fields] = {
    "Highs": HIGHS,
    "HighsModel": MODEL,
    "HighsLp": LP,
    "HighsSparseMatrix": MATRIX,
    "HighsHessian": HESSIAN,
    "HighsVarType": KINDS,
    "MatrixFormat": MATRIX_FORMATS,
    "HessianFormat": HESSIAN_FORMATS,
    "ObjSense": SENSES,
    "HighsCallbackType": CALLBACKS,
    "HighsOptions": OPTIONS,
}
"""By the class of highspy, or what it calls it."""


def check(highs: highspy.Highs) -> None:
    """Refuse a HiGHS object that holds something else than a model that can be read.

    Raises
    ------
    GameError
        It holds what is refused, or what is on no list; with its name and what to do.
    """
    import highspy

    model = highs.getModel()
    lp = model.lp_
    if highs.getNumLinearObjectives():
        refuse(HIGHS, "linear objectives", "the HiGHS object")
    for callback in highs.callbacks:
        if callback.callbacks:
            _check_name(CALLBACKS, callback.callback_type.name, "the HiGHS object")
    _check_values(OPTIONS, highs.getOptions(), highspy.HighsOptions(), "an option of HiGHS")
    _check_values(MODEL, model, highspy.HighsModel(), "the HiGHS model")
    _check_values(LP, lp, highspy.HighsLp(), "the linear part of the HiGHS model")
    _check_values(
        MATRIX, lp.a_matrix_, highspy.HighsSparseMatrix(), "the matrix of the HiGHS model"
    )
    _check_values(HESSIAN, model.hessian_, highspy.HighsHessian(), "the Hessian of the HiGHS model")
    _check_name(MATRIX_FORMATS, lp.a_matrix_.format_.name, "the matrix of the HiGHS model")
    _check_name(HESSIAN_FORMATS, model.hessian_.format_.name, "the Hessian of the HiGHS model")
    _check_name(SENSES, lp.sense_.name, "the HiGHS model")
    for kind in set(lp.integrality_):
        _check_name(KINDS, kind.name, "a column of the HiGHS model")


def _check_name(fields: Fields, name: str, where: str) -> None:
    if name not in fields or fields[name].is_refused:
        refuse(fields, name, where)


def _check_values(fields: Fields, holder: Any, empty: Any, where: str) -> None:
    """Refuse what is not as in an empty object, unless it is on the list as used or harmless."""
    for name in dir(type(holder)):
        if name.startswith("_") or callable(getattr(type(holder), name)):
            continue
        if name in fields and not fields[name].is_refused:
            continue
        if not np.array_equal(getattr(holder, name), getattr(empty, name)):
            refuse(fields, name, where)
