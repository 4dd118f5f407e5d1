"""Sharing keys: whose the generation of common plants is in each step, as laws and contracts say."""
