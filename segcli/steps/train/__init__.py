"""The training loop shared by all tasks, its callbacks, and the files that a training writes."""
