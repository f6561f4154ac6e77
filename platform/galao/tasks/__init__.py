"""Training's side of a task: targets and loss."""
