"""Changes of a dataset: whole or not at all, one at a time, undone to the byte; and reading it meanwhile."""
