"""Converts boxes and points in LabelMe files to outlines with a Segment Anything model."""
