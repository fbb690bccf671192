"""Models of other makers: importing them, and listing those that are there."""
