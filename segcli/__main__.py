"""``python -m segcli`` is the command `segcli`."""

from segcli.cli import main

main(prog_name="segcli")
