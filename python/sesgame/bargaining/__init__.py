"""Rules that split what is gained over standing alone."""
