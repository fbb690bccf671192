"""What is installed, what is missing, and the one command that repairs it."""
