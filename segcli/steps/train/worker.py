"""The entry point of a training process, started by Paddle's launcher; see `segcli.steps.train.launch`."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path

from segcli.config.schema import Config
from segcli.data.files import write_json_atomic
from segcli.errors import SegcliError
from segcli.failure_report import failure_of
from segcli.parent import end_with_parent
from segcli.signals import ENDING, Stopped, without_paddles_handler
from segcli.steps.train import launch
from segcli.steps.train.command import train_here
from segcli.steps.train.worker_errors import leave_fault

log = logging.getLogger("segcli.train")


def main(config_file: Path) -> int:
    """Trains with the configuration in `config_file`; writes result or error beside it.

    Returns:
        The exit code: 0, or that of the error.
    """
    logging.basicConfig(format=launch.LINE_FORMAT, stream=sys.stdout)
    logging.getLogger("segcli").setLevel(logging.INFO)
    given = json.loads(config_file.read_text(encoding="utf-8"))
    config = Config.model_validate(given["config"]).with_origins(given["origins"])
    _leave_signals_to_the_launching_process()
    end_with_parent()
    try:
        with without_paddles_handler():
            result = train_here(config).as_dict()
    except Stopped as stop:
        result = launch.stopped_values(stop)
    except Exception as error:  # any: the launching process reports it
        log.error("%s", " ".join(str(error).split()), exc_info=not isinstance(error, SegcliError))
        leave_fault(config_file.parent, int(os.environ.get("PADDLE_TRAINER_ID", "0")), error)
        return failure_of(error).exit_code
    if launch.is_first_here():
        write_json_atomic(config_file.with_name(launch.RESULT_FILE), result)
    return 0


def _leave_signals_to_the_launching_process() -> None:
    """Ignores signals, which the launching process relays by a file; exits on SIGTERM (another process ended)."""
    for number in ENDING:
        ends = number == signal.SIGTERM
        signal.signal(number, (lambda *_: os._exit(128 + signal.SIGTERM)) if ends else signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
