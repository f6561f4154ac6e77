"""One picture at a time, with Pillow and NumPy only."""
