"""A net's raw outputs, turned into what a person reads."""
