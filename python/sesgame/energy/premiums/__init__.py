"""Premiums on shared energy, which leave bills as they are: rates from data files, and games."""
