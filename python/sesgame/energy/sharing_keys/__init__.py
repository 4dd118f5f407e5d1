"""Sharing keys: whose the generation of common plants is, as laws and contracts say."""
