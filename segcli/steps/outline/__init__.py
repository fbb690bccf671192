"""Boxes and clicks in LabelMe files become outlines, by a Segment Anything model."""
