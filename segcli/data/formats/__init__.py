"""Annotation formats: one module per format reads and writes it."""
