"""Conversions between dataset formats: planned first, then applied completely or not at all; reversible by `undo`."""
