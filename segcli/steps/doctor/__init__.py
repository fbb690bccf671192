"""`segcli doctor`: checks the installation and repairs it."""
