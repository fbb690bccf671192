"""The programs in packed folders, which need onnxruntime and numpy only."""

from __future__ import annotations

from importlib.resources import files

_READ, _PLACE = "READ\n", "ANSWER\n"
_SCORES = (
    'scores = numpy.atleast_3d(found).transpose(facts["output_axes"])\n'
    "scores = resized(scores, padded)[: image.shape[0], : image.shape[1]]\n"
)
_LABELS = {
    "logits": _SCORES + "labels = scores.argmax(-1)\n",
    "binary": _SCORES + 'labels = scores[..., 0] > facts["threshold"]\n',
    "labels": (
        "near = (numpy.arange(n) * m // p for n, m, p in zip(image.shape, found.shape[-2:], padded))\n"
        "labels = found.reshape(found.shape[-2:])[numpy.ix_(*near)]\n"
    ),
}
"""How outputs become class ids, by the kind of `network_facts`."""

_ACTIVATED = """
def activated(values):
    if facts["activation"] == "softmax":
        values = numpy.exp(values - values.max(-1, keepdims=True))
        return values / values.sum(-1, keepdims=True)
    return 1 / (1 + numpy.exp(-values)) if facts["activation"] == "sigmoid" else values

def in_image(boxes):  # from pixels of the input, centres with sizes or corners, to corners in pixels of the image
    near, far = boxes[:, :2], boxes[:, 2:]
    corners = numpy.hstack([near - far / 2, near + far / 2] if facts["centres"] else [near, far])
    factors = numpy.tile(numpy.divide(sides, inner)[::-1], 2)
    return numpy.clip((corners - 2 * begins[::-1]) * factors, 0, [*sides[::-1]] * 2)
"""
_FEW = 'kept = numpy.argsort(-scores, kind="stable")[: facts["most"]]\n'
_OBJECTS = {
    "own": (
        'rows = found[0][found[0][:, 1] >= facts["threshold"]]\n'
        "classes, scores, boxes = rows[:, 0].astype(int), rows[:, 1], rows[:, 2:]\n"
        'weights = found[2].reshape(len(found[0]), -1)[found[0][:, 1] >= facts["threshold"]]\n'
        "maps = numpy.tensordot(weights, found[3][0], 1)\n"
    ),
    "yolo": _ACTIVATED
    + """
def overlap(one, other):
    shared = (numpy.minimum(one[2:], other[2:]) - numpy.maximum(one[:2], other[:2])).clip(0).prod()
    return shared / max((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - shared, 1e-9)

grids, count = found[1][0].transpose(2, 0, 1) if facts["maps_last"] else found[1][0], len(facts["classes"])
rows = found[0][0] if found[0].shape[2] == 4 + count + len(grids) else found[0][0].T
likely = activated(rows[:, 4 : 4 + count])
rows, likely = rows[likely.max(1) >= facts["threshold"]], likely[likely.max(1) >= facts["threshold"]]
classes, scores, boxes = likely.argmax(1), likely.max(1), in_image(rows[:, :4])
kept = []
for one in numpy.argsort(-scores, kind="stable"):
    same = [other for other in kept if classes[other] == classes[one]]
    if all(overlap(boxes[one], boxes[other]) <= facts["iou"] for other in same):
        kept.append(one)
kept = numpy.array(kept[: facts["most"]], int)
classes, scores, boxes = classes[kept], scores[kept], boxes[kept]
maps = numpy.tensordot(rows[kept, 4 + count :], grids, 1)
""",
    "detr": _ACTIVATED
    + """
likely = activated(found[1][0])[:, slice(*facts["classes_at"])]
rows, classes = numpy.nonzero(likely >= facts["threshold"])
scores = likely[rows, classes]
"""
    + _FEW
    + """rows, classes, scores = rows[kept], classes[kept], scores[kept]
boxes, maps = in_image(found[0][0][rows] * [*whole[::-1], *whole[::-1]]), found[2][0][rows]
""",
}
"""How outputs become classes, scores, boxes and maps of objects, by the kind of `pack_instance`."""


def example_for(kind: str) -> str:
    """The program for a semantic network whose outputs are of this kind."""
    return _program("example.py.txt").replace(_PLACE, _LABELS[kind])


def objects_example_for(kind: str) -> str:
    """The program for an instance network whose outputs are of this kind."""
    return _program("example_objects.py.txt").replace(_PLACE, _OBJECTS[kind].lstrip("\n"))


def prompt_example() -> str:
    """The program for the two networks of a model that answers clicks."""
    return _program("example_prompt.py.txt")


def _program(name: str) -> str:
    return _text(name).replace(_READ, _text("example_read.py.txt"))


def _text(name: str) -> str:
    return files("segcli.steps.pack").joinpath(name).read_text(encoding="utf-8")
