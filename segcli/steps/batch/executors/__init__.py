"""Executors: start the workers of a batch and watch them."""
