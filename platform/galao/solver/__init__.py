"""Training: the loop, the rates, the updates, the snapshots."""
