"""The public grid: metering points that keep their contracts, and share at a local fee."""
