"""Linear models with right-hand sides that coalitions change."""
