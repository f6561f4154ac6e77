"""Answering: the bundle and what runs it."""
