"""Local sharing as contracts and laws settle it: prices of shared energy."""
