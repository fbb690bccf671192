"""kill -9 at any moment of a training, or before an event of its files: what resumes ends where an undisturbed did.

Each training is a process of its own, forked from one that has only imported what is needed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from segcli.steps.train.history import read_history
from segcli.weights.files import read_weights
from segcli.weights.safe_pickle import read_paddle_object
from tests.steps.train.alone_stop import TIMES

ROOT = Path(__file__).resolve().parents[3]
MOMENTS = {
    "before the first checkpoint": ("tests.steps.train.tiny:LineSession.losses", 2),
    "in a step between two checkpoints": ("tests.steps.train.tiny:LineSession.losses", 7),
    "in an evaluation": ("tests.steps.train.tiny:LineSession.evaluate", 2),
    "before the best weights are written": ("segcli.steps.train.checkpoint:CheckpointWriter._fill_best", 2),
    "with half a checkpoint written": ("segcli.steps.train.states:States.save", 2),
    "before the checksums of a checkpoint": ("segcli.steps.train.checkpoint:write_checksums", 4),
    "between the best weights and the checkpoint": ("segcli.steps.train.checkpoint:CheckpointWriter.on_checkpoint", 2),
    "before a folder takes its place": ("segcli.data.files:replace_folder", 3),
    "between its two renames": ("pathlib:Path.rename", 4),
    "before old checkpoints go": ("segcli.steps.train.checkpoint:checkpoints", 2),
    "while the history is written": ("segcli.steps.train.history:HistoryWriter._append", 5),
    "while the curves are drawn": ("segcli.steps.train.history:CurveWriter.on_evaluation", 2),
}
DRIVER = """
import importlib, json, os, signal, sys
import paddle
from pathlib import Path
from segcli.steps.train import command, loop, resume, checkpoint
from tests.death import events_of, kill_self
from tests.steps.train.line_run import LineRuns

class Patches:
    def setattr(self, target, name, value=None):
        if isinstance(target, str):
            module, _, attribute = target.rpartition(".")
            target, name, value = importlib.import_module(module), attribute, name
        setattr(target, name, value)

def dying(address, call):
    module, _, name = address.partition(":")
    owner = importlib.import_module(module)
    *inner, name = name.split(".")
    for part in inner:
        owner = getattr(owner, part)
    original, calls = getattr(owner, name), []
    def work(*args, **kwargs):
        calls.append(1)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)
    setattr(owner, name, work)

def run(output, resume_path=None):
    LineRuns(Patches())(Path(output), epochs_iters=12, keep_checkpoints=1, resume_path=resume_path)

def train(output, moment, resume_path):
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 1
    try:
        if isinstance(moment, int):
            kill_self(moment)
        elif moment:
            dying(*moment)
        run(output, resume_path)
        code = 0
    except BaseException as error:
        print(output, repr(error), file=sys.stderr, flush=True)
    finally:
        os._exit(code)

root, moments = Path(sys.argv[1]), json.loads(sys.argv[2])
events = events_of(lambda: run(root / "counted"))
moments |= {f"event {at}": at for at in range(1, events + 1)}
codes = {"whole": [train(root / "whole", None, None)]}
for name, moment in moments.items():
    folder = root / name
    killed = train(folder, moment, None)
    resumed = train(folder, None, "last" if any(folder.glob("iter_*")) else None)
    codes[name] = [killed, resumed]
print(json.dumps(codes))
"""


@pytest.mark.slow
def test_killed_at_any_moment_and_resumed_equals_uninterrupted(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path), json.dumps(MOMENTS)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stdout.splitlines()[-1])
    assert codes.pop("whole") == [0], done.stderr
    assert codes.keys() > MOMENTS.keys() and len(codes) > 200
    assert codes == {name: [-9, 0] for name in codes}, done.stderr
    whole = tmp_path / "whole"
    for name in codes:
        same(tmp_path / name, whole)


def same(ours: Path, theirs: Path) -> None:
    # kept: what was there before the first checkpoint, and an older one that was to go when nothing was left to train
    names = {path.name for path in ours.iterdir()}
    if ours.name not in MOMENTS:
        names -= {"run_1", "iter_8"}
    assert names == {path.name for path in theirs.iterdir()}, ours
    for file in ("iter_12/model.pdparams", "best_model/model.pdparams"):
        left, right = read_weights(ours / file), read_weights(theirs / file)
        assert left.keys() == right.keys()
        assert all(np.array_equal(left[key], right[key]) for key in right), (ours, file)
    left, right = (read_paddle_object(folder / "iter_12/model.pdopt") for folder in (ours, theirs))
    assert left.pop("LR_Scheduler") == right.pop("LR_Scheduler")
    assert all(np.array_equal(left[key], right[key]) for key in right), ours
    events = [
        [
            {key: value for key, value in event.items() if key not in TIMES}
            for event in read_history(folder / "history.jsonl")
        ]
        for folder in (ours, theirs)
    ]
    assert events[0] == events[1], ours
