"""`segcli batch`: prediction on millions of images."""
