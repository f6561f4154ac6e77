"""Counts and intervals."""
