"""Proves that a runtime agrees with Paddle: runs the same image on both, compares the outputs, measures the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from segcli.config.schema import ExportConfig
from segcli.errors import ParityError
from segcli.inference.decode_objects import ObjectFinder
from segcli.inference.exported_model import ExportedModel
from segcli.inference.instance_input import PreparedImage, joined_feeds, prepare
from segcli.inference.model_runtime import files_on, open_on, reference_runtime
from segcli.inference.object_parity import ObjectParity, ObjectReference, compare_objects
from segcli.inference.parity import Parity, Reference, compare
from segcli.inference.parity_samples import generated_image
from segcli.inference.preprocess import NetworkInput, normalise, resize_image
from segcli.inference.proofs import Proof, Proofs
from segcli.inference.runtimes.protocol import Runtime
from segcli.runtimes import PADDLE, RuntimeRow, other_runtime, runtimes

TOLERANCE = ExportConfig().tolerance
_TIMED_RUNS = 3
_ENOUGH_SECONDS = 3.0
"""After so long no further run is timed: those of a large network hardly differ."""


@dataclass
class Prover:
    """Compares runtimes of one model with its reference runtime (see `reference_runtime`), which runs only once.

    Attributes:
        model: The model.
        proofs: Where verdicts are kept.
    """

    model: ExportedModel
    proofs: Proofs
    _expected: Reference | ObjectReference | None = None

    def prove(self, row: RuntimeRow) -> Proof:
        """Compares one runtime with the reference runtime and keeps the verdict.

        Raises:
            ParityError: The network finds no object, so that nothing could be compared.
            SegcliError: A runtime cannot be opened. In both cases there is no verdict.
        """
        expected = self._expected or self._run_reference()
        self._expected = expected
        if row.name == reference_runtime(self.model):
            proof = self.proofs.find(row, files_on(self.model, row))
            assert proof is not None
            return proof
        runtime = open_on(self.model, row.name)
        files = list(files_on(self.model, row))
        try:
            parity = self._compare(runtime, expected)
        except ParityError as fault:
            return self.proofs.keep(row, files, agrees=False, detail=fault.message)
        if isinstance(parity, ObjectParity) and not parity.proves:
            raise ParityError(
                f"{row.name} is not proven: the network finds no object in the image of the comparison",
                path=self.model.folder,
                hint=f"export it again with Global.dataset_dir set, or {other_runtime(PADDLE)}",
            )
        milliseconds = time_job(self._job(runtime, self._image))
        return self.proofs.keep(row, files, agrees=True, detail=parity.summary(), milliseconds=milliseconds)

    def measure(self, row: RuntimeRow) -> float:
        """Milliseconds of one image on a runtime; its outputs are not looked at.

        Raises:
            SegcliError: The runtime cannot be opened.
        """
        job = self._job(open_on(self.model, row.name), self._image)
        job()
        return time_job(job)

    def _run_reference(self) -> Reference | ObjectReference:
        name = reference_runtime(self.model)
        assert name is not None
        row = runtimes()[name]
        own = open_on(self.model, name)
        expected = self._reference(own)
        milliseconds = time_job(self._job(own, self._image))
        self.proofs.keep(
            row, files_on(self.model, row), agrees=True, detail="the model itself", milliseconds=milliseconds
        )
        return expected

    def _reference(self, runtime: Runtime) -> Reference | ObjectReference:
        image = self._image
        if isinstance(image, PreparedImage):
            return ObjectReference.of(self._finder(runtime), [image])
        return Reference.of(runtime.run, [image])

    @cached_property
    def _image(self) -> PreparedImage | NetworkInput:
        """The image on which runtimes are compared, as the network takes it."""
        image = generated_image(self.model.preprocess.channels)
        if self.model.finds_objects:
            return prepare(image, self.model.preprocess)
        size = self.model.input_size or image.shape[:2]
        return normalise([resize_image(image, *size)], self.model.preprocess)

    def _compare(self, runtime: Runtime, expected: Reference | ObjectReference) -> Parity | ObjectParity:
        if isinstance(expected, ObjectReference):
            find = self._finder(runtime)
            return compare_objects(find, runtime.name, self.model.folder, expected, TOLERANCE)
        return compare(runtime, self.model.folder, expected, TOLERANCE)

    def _finder(self, runtime: Runtime) -> ObjectFinder:
        form = self.model.mask_form
        return ObjectFinder(runtime.run_named, form)

    @staticmethod
    def _job(runtime: Runtime, image: PreparedImage | NetworkInput) -> Callable[[], object]:
        if isinstance(image, PreparedImage):
            feeds = joined_feeds([image])
            return lambda: runtime.run_named(feeds)
        return lambda: runtime.run(image)


class Stopwatch:
    """Measures from its creation on, without the time spent waiting for a core."""

    def __init__(self) -> None:
        self._begin, self._cpu = time.perf_counter(), time.process_time()

    def seconds(self) -> float:
        """The time that passed, or the CPU time of all threads where that is less."""
        wall, spent = time.perf_counter() - self._begin, time.process_time() - self._cpu
        return min(wall, spent or wall)  # some systems count CPU time in coarse steps


def time_job(job: Callable[[], object]) -> float:
    """Milliseconds of the fastest of a few runs on the CPU; the caller has run the job once to warm up.

    Time spent waiting for a core does not count: on a busy machine it would make the slower of two runtimes win, and
    the verdict is kept.
    """
    best, since = float("inf"), time.perf_counter()
    for _ in range(_TIMED_RUNS):
        watch = Stopwatch()
        job()
        best = min(best, watch.seconds())
        if time.perf_counter() - since > _ENOUGH_SECONDS:
            break
    return round(1000 * best, 3)
