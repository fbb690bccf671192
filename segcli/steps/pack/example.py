"""The program in a packed folder, which needs onnxruntime and numpy only."""

from __future__ import annotations

from importlib.resources import files

_FILE = "example.py.txt"
_PLACE = "ANSWER\n"
_SCORES = (
    'scores = numpy.atleast_3d(found).transpose(facts["output_axes"])\n'
    "scores = resized(scores, padded)[: image.shape[0], : image.shape[1]]\n"
)
_ANSWERS = {
    "logits": _SCORES + "labels = scores.argmax(-1)\n",
    "binary": _SCORES + 'labels = scores[..., 0] > facts["threshold"]\n',
    "labels": (
        "near = (numpy.arange(n) * m // p for n, m, p in zip(image.shape, found.shape[-2:], padded))\n"
        "labels = found.reshape(found.shape[-2:])[numpy.ix_(*near)]\n"
    ),
}
"""How outputs become class ids, by the kind of `network_facts`."""


def example_for(kind: str) -> str:
    """The program for a network whose outputs are of this kind."""
    text = files("segcli.steps.pack").joinpath(_FILE).read_text(encoding="utf-8")
    return text.replace(_PLACE, _ANSWERS[kind])
