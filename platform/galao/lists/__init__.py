"""Data sets as lists."""
