"""One of several training processes; started by Paddle's launcher, see `segcli.train.launch`."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from segcli.config.schema import Config
from segcli.data.files import write_json_atomic
from segcli.errors import SegcliError
from segcli.train import launch
from segcli.train.command import train_here

log = logging.getLogger("segcli.train")


def main(config_file: Path) -> int:
    """Trains with the configuration in `config_file`; the first process leaves the result beside it.

    Returns:
        The exit code: 0, or that of the error, which goes to the log in one line.
    """
    logging.basicConfig(format=launch.LINE_FORMAT, stream=sys.stdout)
    logging.getLogger("segcli").setLevel(logging.INFO)
    config = Config.model_validate(json.loads(config_file.read_text(encoding="utf-8")))
    try:
        result = train_here(config)
    except SegcliError as fault:
        log.error("%s", " ".join(str(fault).split()))
        return fault.exit_code
    if launch.is_first():
        write_json_atomic(config_file.with_name(launch.RESULT_FILE), result.as_dict())
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
