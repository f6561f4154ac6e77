"""What a run was worth, for people to read."""
