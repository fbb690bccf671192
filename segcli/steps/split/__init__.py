"""A new split of a dataset into its parts: seeded, complete, and undone by a command."""
