"""A new division of a dataset into train and val: seeded, complete, undone by a command."""
