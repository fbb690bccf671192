"""``python -m segcli`` is the command `segcli`."""

from segcli.cli.main import main

main(prog_name="segcli")
