"""The Shapley value and its relatives, exact and sampled."""
