"""Optimal dispatch of a coalition, and its cost."""
