"""Settings of all tests."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "sesgame",
    # A timing is never a test: a busy machine must not fail one.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # A gate must give the same answer twice; new examples are sought everywhere else.
    derandomize="CI" in os.environ,
)
settings.load_profile("sesgame")
