"""Solutions that ask which coalition objects most: core, least core, nucleolus."""
