"""What a coalition pays when it runs its equipment best."""
