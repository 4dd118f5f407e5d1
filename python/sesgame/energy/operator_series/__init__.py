"""What the grid operator says was shared: its series by point, their identities, and bills."""
