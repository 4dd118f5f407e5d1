"""What an operator sells to a community, and at what prices."""
