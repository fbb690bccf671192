"""The command `segcli`: parses, calls one function, prints, returns an exit code."""
