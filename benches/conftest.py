"""The scripts of the report are run by themselves; some need packages of other environments."""

collect_ignore = ["report"]
