"""Exports a promptable network in two separate parts: encoder and decoder, or image and text network."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray

from segcli.config.schema import Config
from segcli.data.files import sha256_of
from segcli.errors import ExportError, MissingPartError, ParityError
from segcli.inference.exported_model import MANIFEST_FILE, range_of
from segcli.inference.first_opening import written_here
from segcli.inference.parity_samples import parity_images
from segcli.inference.proving import Stopwatch, time_job
from segcli.inference.runtimes.protocol import Runtime
from segcli.inference.square_input import SquareInput
from segcli.models.promptable.lseg.lseg import PixelGraph, TextGraph
from segcli.models.promptable.lseg.tokenizer import CONTEXT_LENGTH, tokenize
from segcli.models.promptable.sam.sam import PromptDecoder
from segcli.models.promptable.sam.splitting import LIMIT_BYTES, encoder_parts
from segcli.models.promptable.specs import PROMPTABLE, PromptKind
from segcli.promptable.exported import DECODER_INPUTS, IMAGE, TOKENS, keep_time, open_part, part_graph
from segcli.runtimes import PADDLE, runtimes
from segcli.steps.export.frame import export_compared
from segcli.steps.export.result import ExportResult, HalfParity
from segcli.steps.export.runtimes import write_forms
from segcli.trained import TrainedModel, load_trained
from segcli.weights.manifest import write_manifest

log = logging.getLogger("segcli.export")

Arrays = Mapping[str, NDArray[Any]]
_PROMPT_SHAPES = ((1, 2), (3, 2), (1, 4), (3, 4))
"""Numbers of objects and points in the prompts on which decoders are compared."""
_LONG_SECONDS = 30.0
"""An image that takes longer is not read again to leave out what the first run prepares."""
_TEXTS = (["others", "bear"], ["a dog", "grass", "traffic light"])


@dataclass(frozen=True)
class Half:
    """One part of a network that is exported separately.

    Attributes:
        name: ``encoder``, ``decoder``, ``pixels`` or ``texts``.
        layers: Graphs to run in order.
        inputs: Name, shape (-1 is free) and type of the inputs of the first graph.
        samples: Inputs for the comparison.
    """

    name: str
    layers: Sequence[Any]
    inputs: Sequence[tuple[str, list[int], str]]
    samples: Sequence[Arrays]

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the graph files, without suffix."""
        if len(self.layers) == 1:
            return (self.name,)
        return tuple(f"{self.name}_{number}" for number in range(1, len(self.layers) + 1))


def export_promptable(weights: Path, folder: Path, config: Config, *, limit_bytes: int = LIMIT_BYTES) -> ExportResult:
    """Writes both halves and compares them with the trained network; see `export_compared`.

    Args:
        weights: Trained weights, or official ones.
        folder: Where the exported model goes.
        config: `Export` selects the files, `Global.dataset_dir` and `Predict.input` the images to compare on.
        limit_bytes: Most bytes of the parameters of one graph; a larger encoder is cut into several graphs.

    Raises:
        WeightsError: The weights cannot be opened.
        ExportError: A half cannot be written.
        ParityError: The outputs of the written model differ from the trained network.
    """
    trained = load_trained(weights, config.Global.model)
    images, origin = parity_images(config, None)
    # The input size is fixed, and the largest encoders take minutes: one image is enough.
    halves = _halves(trained, images[:1], limit_bytes)
    side = PROMPTABLE[trained.spec.name].side
    return export_compared(
        trained,
        folder,
        (1, 3, side, side),
        config,
        refer=lambda: ({half.name: _expected(half) for half in halves}, origin),
        write=lambda fresh: _write(trained, halves, fresh, config.Export.formats, sha256_of(weights)),
        verify=lambda fresh, expected: tuple(
            found for half in halves for found in _verify(half, fresh, expected[half.name], config)
        ),
    )


def _halves(trained: TrainedModel, images: Sequence[Any], limit_bytes: int) -> list[Half]:
    network, form = trained.network, PROMPTABLE[trained.spec.name]
    prepare = SquareInput.of(form, trained.card.preprocess)
    feeds = [{IMAGE: prepare(rgb)[0]} for rgb in images]
    image = (IMAGE, [1, 3, form.side, form.side], "float32")
    if form.prompt_kind is PromptKind.TEXTS:
        texts = [{TOKENS: tokenize(labels)} for labels in _TEXTS]
        return [
            Half("pixels", [PixelGraph(network)], [image], feeds),
            Half("texts", [TextGraph(network)], [(TOKENS, [-1, CONTEXT_LENGTH], "int64")], texts),
        ]
    grid, dim, side = network.grid, network.prompt_encoder.dim, 4 * network.grid
    shapes = [[1, dim, grid, grid], [-1, -1, 2], [-1, -1], [1, 1, side, side], [1]]
    inputs = [(name, shape, "float32") for name, shape in zip(DECODER_INPUTS, shapes, strict=True)]
    prompts = _prompts(network, form.side)
    parts = encoder_parts(network.image_encoder, limit_bytes)
    return [
        Half("encoder", parts, [image], feeds),
        Half("decoder", [PromptDecoder(network)], inputs, prompts),
    ]


def _prompts(network: Any, side: int) -> list[Arrays]:
    """Prompts with every kind of point, in several numbers, with and without a previous mask."""
    generator, masks = np.random.default_rng(0), 4 * network.grid
    # Encoders end with a normalisation, so noise resembles an embedding; a real one takes minutes for large encoders.
    embedding = generator.standard_normal((1, network.prompt_encoder.dim, network.grid, network.grid), np.float32)
    samples: list[Arrays] = []
    for number, (objects, points) in enumerate(_PROMPT_SHAPES):
        arrays = (
            embedding,
            side * generator.random((objects, points, 2)).astype(np.float32),
            generator.integers(-1, 4, (objects, points)).astype(np.float32),
            4 * generator.standard_normal((1, 1, masks, masks)).astype(np.float32),
            np.full(1, number % 2, np.float32),
        )
        samples.append(dict(zip(DECODER_INPUTS, arrays, strict=True)))
    return samples


@paddle.no_grad()
def _expected(half: Half) -> list[list[NDArray[Any]]]:
    answers = []
    for sample in half.samples:
        values: Any = [paddle.to_tensor(value) for value in sample.values()]
        for layer in half.layers:
            layer.eval()
            found = layer(*values)
            values = list(found) if isinstance(found, list | tuple) else [found]
        answers.append([value.numpy() for value in values])
    return answers


def _write(
    trained: TrainedModel, halves: Sequence[Half], folder: Path, formats: Sequence[str], source_sha256: str
) -> dict[str, str]:
    files: dict[str, str] = {}
    for half in halves:
        shapes = half.inputs
        for stem, layer in zip(half.stems, half.layers, strict=True):
            _save(layer, folder / stem, shapes)
            files |= {stem: f"{stem}.json", f"{stem}_weights": f"{stem}.pdiparams"}
            forms = write_forms(part_graph(folder, stem), tuple(formats))
            files |= {f"{stem}_{kind}": name for kind, name in forms.items()}
            shapes = _next_shapes(trained)
    empty = [name for name in files.values() if not (folder / name).is_file() or not (folder / name).stat().st_size]
    if empty:
        raise ExportError(f"these written files are empty: {', '.join(empty)}", path=folder)
    write_manifest(folder, _manifest(trained, halves, files, source_sha256))
    return {**files, "manifest": MANIFEST_FILE, "card": trained.card.save(folder).name}


def _next_shapes(trained: TrainedModel) -> list[tuple[str, list[int], str]]:
    """Input of the second and later graphs of a cut encoder."""
    if PROMPTABLE[trained.spec.name].prompt_kind is PromptKind.TEXTS:
        return []
    grid = trained.network.grid
    width = int(trained.network.image_encoder.pos_embed.shape[-1]) if _is_cuttable(trained) else 0
    return [(IMAGE, [1, grid, grid, width], "float32")]


def _is_cuttable(trained: TrainedModel) -> bool:
    return hasattr(trained.network.image_encoder, "pos_embed")


def _save(layer: Any, stem: Path, inputs: Sequence[tuple[str, list[int], str]]) -> None:
    specs = [
        paddle.static.InputSpec([None if side < 0 else side for side in shape], kind, name)
        for name, shape, kind in inputs
    ]
    layer.eval()
    try:
        paddle.jit.save(layer, str(stem), input_spec=specs)
    except Exception as fault:
        raise ExportError(f"Paddle cannot export {stem.name}: {fault}", path=stem.parent) from fault


def _manifest(
    trained: TrainedModel, halves: Sequence[Half], files: Mapping[str, str], source_sha256: str
) -> dict[str, Any]:
    form, scale = PROMPTABLE[trained.spec.name], trained.card.preprocess
    first = halves[0].stems[0]
    is_sam = form.prompt_kind is PromptKind.CLICKS
    return {
        "Global": {"model_name": trained.spec.name},
        "Deploy": {
            "model": f"{first}.json",
            "params": f"{first}.pdiparams",
            "input_shape": [1, 3, form.side, form.side],
            "transforms": [{"type": "Normalize", "mean": list(scale.mean), "std": list(scale.std)}],
        },
        "PostProcess": {"label_list": list(trained.card.class_names)},
        "Segcli": {
            "files": dict(files),
            "parts": {half.name: list(half.stems) for half in halves},
            "mask_side": 4 * trained.network.grid if is_sam else 0,
            "source_sha256": source_sha256,
            **range_of(trained.card),
        },
    }


def _verify(half: Half, folder: Path, expected: Sequence[Sequence[NDArray[Any]]], config: Config) -> list[HalfParity]:
    found: list[HalfParity] = []
    for runtime, row in runtimes().items():
        if part_graph(folder, half.stems[0]).readable_by(row) is None:
            continue
        if not row.is_installed:
            log.warning("%s was not compared on %s, which is not installed", half.name, runtime)
            continue
        graphs, watch = _reopened(half, folder, runtime), Stopwatch()
        found.append(_compared(half, folder, runtime, graphs, expected))
        seconds = watch.seconds()
        if not found[-1].max_rel_diff <= config.Export.tolerance:
            raise ParityError(
                f"{half.name} is off by {found[-1].max_rel_diff:.2e} of its largest value on {runtime}, "
                f"allowed is {config.Export.tolerance:.0e}",
                path=folder,
                hint="report the model; Export.tolerance allows more",
            )
        if IMAGE in half.samples[0] and runtime != PADDLE:  # Paddle is never the fastest, and takes minutes
            job = partial(_run, graphs, half.samples[0])
            milliseconds = 1000 * seconds if seconds > _LONG_SECONDS else time_job(job)
            keep_time(
                folder, row, detail=f"off by {found[-1].max_rel_diff:.1e} of the largest", milliseconds=milliseconds
            )
    return found


def _reopened(half: Half, folder: Path, runtime: str) -> list[Runtime]:
    try:
        with written_here():
            return [open_part(folder, stem, runtime) for stem in half.stems]
    except MissingPartError:
        raise
    except Exception as fault:
        raise ExportError(f"{half.name} cannot be reopened by {runtime}: {fault}", path=folder) from fault


def _run(graphs: Sequence[Runtime], sample: Arrays) -> list[NDArray[Any]]:
    values = graphs[0].run_named(sample)
    for graph in graphs[1:]:
        values = graph.run_named({IMAGE: values[0]})
    return values


def _compared(
    half: Half, folder: Path, runtime: str, graphs: Sequence[Runtime], expected: Sequence[Sequence[NDArray[Any]]]
) -> HalfParity:
    largest, off = 0.0, 0.0
    for sample, answers in zip(half.samples, expected, strict=True):
        values = _run(graphs, sample)
        for written, trained in zip(values, answers, strict=True):
            if written.shape != trained.shape:
                raise ParityError(f"{half.name} returns {written.shape}, the network {trained.shape}", path=folder)
            off = max(off, float(np.abs(written - trained).max())) if np.isfinite(written).all() else float("inf")
            largest = max(largest, float(np.abs(trained).max()))
    return HalfParity(half.name, runtime, len(half.samples), off, off / (largest or 1.0))
