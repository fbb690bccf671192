"""Models of other makers: their inputs and outputs in the words of our own."""
