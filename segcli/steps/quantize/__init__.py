"""Models of 8 bits: `segcli models quantize`."""
