"""Segmentation by prompts: boxes and points (Segment Anything), texts (LSeg)."""
