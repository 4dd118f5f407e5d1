"""Clearing by agents: prices form, and nobody has to see anybody else's meters."""
