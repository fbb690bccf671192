"""Networks that take prompts: Segment Anything (boxes, points, masks) and LSeg (texts)."""
