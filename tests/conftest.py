"""Settings of all tests."""

from hypothesis import settings

# A timing is never a test: a busy machine must not fail one.
settings.register_profile("sesgame", deadline=None)
settings.load_profile("sesgame")
