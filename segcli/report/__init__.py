"""Plots, overlays and pages that people look at."""
