"""What is allowed in the files of a community, and yet looks like a mistake."""
