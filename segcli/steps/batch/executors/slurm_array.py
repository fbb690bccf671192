"""Workers as a SLURM job array; the command ends once it is submitted."""

from __future__ import annotations

import logging
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import segcli
from segcli.data.files import write_text_atomic
from segcli.errors import MissingPartError, SegcliError
from segcli.steps.batch.job import LOGS, Job

log = logging.getLogger("segcli.batch")

SCRIPT = "slurm.sh"
_TEMPLATE = """\
#!/bin/bash
#SBATCH --job-name=segcli-batch
#SBATCH --array=0-{last}
#SBATCH --output={logs}/slurm_%A_%a.log
#SBATCH --requeue
export PYTHONPATH={path}${{PYTHONPATH:+:$PYTHONPATH}}
exec {python} -m segcli batch --join {folder} --worker "$SLURM_ARRAY_TASK_ID" --workers {workers}
"""


@contextmanager
def started(job: Job, workers: int) -> Iterator[SlurmArray]:
    """Submits the array.

    Partition, time, memory and devices are set by SLURM's own variables: ``SBATCH_PARTITION``, ``SBATCH_TIMELIMIT``,
    ``SBATCH_GPUS``, ...

    Raises:
        MissingPartError: There is no `sbatch`.
        SegcliError: `sbatch` fails.
    """
    script = write_script(job, workers)
    if shutil.which("sbatch") is None:
        raise MissingPartError("sbatch is not installed", path=script, hint=f"submit it under SLURM: sbatch {script}")
    done = subprocess.run(["sbatch", "--parsable", str(script)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SegcliError(f"sbatch failed: {done.stderr.strip()}", path=script)
    log.warning("submitted as job %s; the same command shows its progress", done.stdout.strip().partition(";")[0])
    yield SlurmArray()


class SlurmArray:
    """A job array watched by SLURM; see `segcli.steps.batch.executors.protocol.Pool`."""

    def is_working(self) -> bool:
        """Always False: the command does not wait for the array."""
        return False


def write_script(job: Job, workers: int) -> Path:
    """Writes the script of the array into the folder of the batch; returns its path."""
    path = job.folder / SCRIPT
    text = _TEMPLATE.format(
        last=workers - 1,
        logs=shlex.quote(str(job.folder / LOGS)),
        path=shlex.quote(str(Path(segcli.__file__).parents[1])),
        python=shlex.quote(sys.executable),
        folder=shlex.quote(str(job.folder)),
        workers=workers,
    )
    write_text_atomic(path, text)
    path.chmod(0o755)
    return path
