"""Players, games, allocations, and how coalitions are evaluated."""
