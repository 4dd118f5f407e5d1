"""Mechanisms, one in each file."""
