"""Solutions that limit the largest excess: core, least core, nucleolus."""
