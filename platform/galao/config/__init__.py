"""What a YAML job may say, and the strict reader for it."""
