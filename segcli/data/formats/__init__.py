"""Annotation formats: one module reads and writes one format."""
