"""From shares to what is kept of them: many communities in one call."""
