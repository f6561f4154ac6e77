"""Lists to batches on the device."""
