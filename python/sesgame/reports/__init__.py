"""What people read: reports, letters and saved results."""
