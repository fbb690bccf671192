"""`segcli models quantize`: 8-bit models."""
