"""Parts of a dataset: train, val and test, folds, and the groups that stay together."""
