"""One of several training processes; started by Paddle's launcher, see `segcli.train.launch`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from segcli.config.schema import Config
from segcli.data.files import write_json_atomic
from segcli.log import configure_logging
from segcli.train import launch
from segcli.train.command import train_here


def main(config_file: Path) -> None:
    """Trains with the configuration in `config_file`; the first process leaves the result beside it."""
    configure_logging()
    config = Config.model_validate(json.loads(config_file.read_text(encoding="utf-8")))
    result = train_here(config)
    if launch.is_first():
        write_json_atomic(config_file.with_name(launch.RESULT_FILE), result.as_dict())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
