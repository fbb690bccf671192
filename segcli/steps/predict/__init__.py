"""Prediction: predictors, results and their files."""
