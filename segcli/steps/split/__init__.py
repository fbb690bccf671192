"""A new split of a dataset into train, val and test or folds: seeded, complete, and reversible by `segcli undo`."""
