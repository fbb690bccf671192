"""Every finding that segcli can make, in one table: its code, severity, meaning and remedy.

A code never changes its meaning and is never given again. S is for semantic data; the hundreds are
0 the folder, 1 the lists, 2 pictures and files, 3 masks, 4 classes, 5 the division into parts.
"""

from __future__ import annotations

from dataclasses import dataclass

from segcli.data.finding import Finding, Severity

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


@dataclass(frozen=True)
class Code:
    """A kind of finding.

    Attributes:
        code: Stable code.
        severity: How bad it is.
        meaning: What it says, in a few words; the title in reports.
        remedy: What to do about it.
    """

    code: str
    severity: Severity
    meaning: str
    remedy: str


_TABLE = (
    Code("S001", ERROR, "no dataset in this folder", "point Global.dataset_dir at the folder of train.txt and val.txt"),
    Code("S002", ERROR, "more than one dataset below this folder", "point Global.dataset_dir at one of them"),
    Code("S101", ERROR, "list file missing", "write it, or let CheckDataset.split.enable=True divide the samples"),
    Code("S102", ERROR, "list file empty", "list at least one sample, or divide anew with CheckDataset.split"),
    Code("S103", ERROR, "line cannot be parsed", "write `picture mask`, with a tab between if a name holds blanks"),
    Code("S104", WARNING, "line given more than once", "delete the repeated line: its sample counts double"),
    Code("S105", WARNING, "picture given with different masks", "keep the line with the right mask"),
    Code("S106", WARNING, "list file not plain UTF-8", "save the list as UTF-8 without byte order mark"),
    Code(
        "S107",
        WARNING,
        "class file cannot be used as it is",
        "write one `id: name` a line, ids from 0, to class_name_to_id.txt",
    ),
    Code("S201", ERROR, "picture missing", "correct the path in the list, or put the file there"),
    Code("S202", ERROR, "mask missing", "correct the path in the list, or put the file there"),
    Code("S203", ERROR, "picture cannot be decoded", "replace the file or take its line out of the list"),
    Code("S204", ERROR, "picture cut off", "copy or download the file again"),
    Code("S205", ERROR, "mask cannot be decoded", "replace the file or take its line out of the list"),
    Code("S206", ERROR, "mask cut off", "copy or write the file again"),
    Code("S207", ERROR, "picture and mask differ in size", "write the mask anew at the size of the picture"),
    Code("S208", WARNING, "unusual file suffix", "convert the file to PNG or JPEG (a mask: PNG)"),
    Code("S209", INFO, "grey picture", "none needed: it is read as colour"),
    Code("S210", INFO, "picture with transparency", "none needed: the transparency is dropped"),
    Code("S211", INFO, "picture of more than 8 bits", "none needed: it is scaled to 8 bits"),
    Code("S212", WARNING, "tiny picture", "leave it out, or check that it is no thumbnail"),
    Code("S301", ERROR, "mask in colour", "write class ids into one channel of 8 bits, not colours"),
    Code("S302", ERROR, "mask of more than 8 bits", "save the mask with 8 bits; ids lie between 0 and 255"),
    Code("S303", ERROR, "mask in a lossy format", "save the mask as PNG: lossy formats change ids at every edge"),
    Code(
        "S304",
        ERROR,
        "id outside the classes",
        "correct the mask, name the class, or set Train.num_classes; 255 is ignored",
    ),
    Code("S305", WARNING, "mask of background only", "check that nothing was left unlabelled"),
    Code("S306", WARNING, "mask of ignored pixels only", "label it or take it out: it teaches and measures nothing"),
    Code("S401", WARNING, "class never used", "check the ids of the masks, or take the class out"),
    Code(
        "S402",
        WARNING,
        "class in one part only",
        "divide anew: a class must be in train to be learnt, in val to be measured",
    ),
    Code(
        "S403", WARNING, "ids with gaps", "renumber the ids without gaps, or name all classes in class_name_to_id.txt"
    ),
    Code(
        "S404",
        WARNING,
        "Train.num_classes disagrees with the class names",
        "leave Train.num_classes out or set it to the number of classes",
    ),
    Code("S405", WARNING, "class names without a background", "write class_name_to_id.txt, which leaves no doubt"),
    Code("S406", ERROR, "masks hold nothing but 0 and 255", "255 means ignored: write 1 where the object is"),
    Code(
        "S501",
        ERROR,
        "same picture in train and val",
        "keep it in one part: scores on pictures seen in training mean nothing",
    ),
    Code("S502", WARNING, "copies of a picture in one part", "keep one of them"),
)

CODES: dict[str, Code] = {entry.code: entry for entry in _TABLE}


def finding(code: str, path: str, message: str, *, location: str | None = None, hint: str | None = None) -> Finding:
    """A finding with the severity and the remedy of its code; `hint` replaces the remedy with a more exact one."""
    entry = CODES[code]
    return Finding(code, entry.severity, path, message, location=location, hint=hint or entry.remedy)
