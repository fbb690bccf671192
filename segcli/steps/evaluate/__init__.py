"""Evaluates weights, exported models and prediction files on the validation split of a dataset."""
