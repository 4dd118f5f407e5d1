"""Files: tables in, folders out."""
