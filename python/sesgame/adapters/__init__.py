"""Games from the models that people have: HiGHS, linopy, Pyomo, PyPSA, model files.

Each library has a file of its own and is imported when its adapter is called, not before. All lead
to :mod:`sesgame.adapters.membership_model`: the model stays in the solver, and a coalition is a
change of bounds.
"""

from sesgame.adapters import highspy, linopy, pyomo, pypsa
from sesgame.adapters.duality import dual_allocation
from sesgame.adapters.model_files import model_file

__all__ = ["dual_allocation", "highspy", "linopy", "model_file", "pyomo", "pypsa"]
