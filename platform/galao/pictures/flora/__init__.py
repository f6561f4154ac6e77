"""Photo-like pictures of invented plants, drawn by the program and settled by a seed."""
