"""Settings of all tests."""

import os
import signal
import threading

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

# A shell that starts the tests in the background has them ignore interrupts, which some wait for.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
