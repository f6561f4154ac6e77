"""Nets by name, their weights and their heads."""
