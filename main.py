"""PaddleX's entry point: ``python main.py -c FILE -o Section.key=value``; see also ``segcli --help``."""

import argparse
import sys

from segcli import app
from segcli.garbage import begin_start_up
from segcli.libraries import start_lean
from segcli.text import ensure_streams


def main() -> int:
    """Parses the command line and runs the mode of the configuration."""
    ensure_streams()
    parser = argparse.ArgumentParser(description="Runs one mode of one model, as its configuration says.")
    parser.add_argument("-c", "--config", required=True, metavar="FILE", help="YAML in PaddleX's structure")
    parser.add_argument(
        "-o", "--override", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="wins over the file"
    )
    parser.add_argument("--print-config", action="store_true", help="show every value and where it came from")
    parser.add_argument("--debug", action="store_true", help="show tracebacks and details")
    arguments = parser.parse_args()
    return app.start(arguments.config, arguments.override, print_config=arguments.print_config, debug=arguments.debug)


if __name__ == "__main__":
    begin_start_up()
    start_lean()
    sys.exit(main())
