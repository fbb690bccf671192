"""List files of a semantic dataset: one `image mask` per line, with a tab or a blank between."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from segcli.data.file_lookup import FileLookup
from segcli.data.files import read_bytes
from segcli.data.samples import SegSample
from segcli.data.suffixes import IMAGE_SUFFIXES
from segcli.errors import DatasetError
from segcli.findings import Finding
from segcli.rules import finding

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with byte order mark"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_OTHER_ENCODINGS = ("gb18030", "cp1252", "shift_jis", "euc_kr", "latin-1")
LONGEST_LINE = 9000
"""Characters of a line: two of the longest paths of any system; each blank in it may be the one between them."""
_PATH_MARK = re.compile(r"[./\\]")
_BLANKS = re.compile(r"[ \u00a0\u3000]+")


@dataclass(frozen=True)
class TextFile:
    """The lines of a text file (numbered from 1, blank ones left out) and the encoding if it is not plain UTF-8."""

    lines: tuple[tuple[int, str], ...]
    odd_encoding: str | None = None


def read_text_file(path: Path, is_right: Callable[[str], bool] | None = None) -> TextFile:
    """Reads a list in UTF-8, with or without byte order mark, UTF-16, or a legacy encoding.

    Args:
        path: The file.
        is_right: Whether a text of uncertain encoding makes sense; the first encoding is taken that it accepts.

    Raises:
        DatasetError: The file cannot be read (D003).
    """
    try:
        return _text_file(path, is_right)
    except OSError as error:
        fault = finding("D003", str(path), f"this file cannot be read: {error.strerror or error}")
        raise DatasetError(fault.message, [fault], path=path, hint=fault.hint) from error


def _text_file(path: Path, is_right: Callable[[str], bool] | None) -> TextFile:
    text, _, odd = decode_text(read_bytes(path), is_right or (lambda _text: True))
    numbered = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
    return TextFile(tuple((number, line) for number, line in numbered if line), odd)


def decode_text(data: bytes, is_right: Callable[[str], bool]) -> tuple[str, str, str | None]:
    """The text of a list file, its encoding by Python's name, and what is odd about that; see `read_text_file`."""
    for mark, encoding, label in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), encoding, label
    try:
        return data.decode("utf-8"), "utf-8", None
    except UnicodeDecodeError:
        texts = [(encoding, data.decode(encoding, errors="replace")) for encoding in _OTHER_ENCODINGS]
    encoding, text = next(((name, text) for name, text in texts if is_right(text)), texts[-1])
    return text, encoding, f"not UTF-8 (read as {encoding})"


def scan_list(root: Path, name: str, files: FileLookup | None = None) -> tuple[tuple[SegSample, ...], list[Finding]]:
    """The samples that a list file names and every fault of the list; no image is opened.

    A line that is in the list twice gives two samples, as it does in training. A sample whose image or mask is
    missing is left out.

    Args:
        root: Folder that the paths in the list are relative to.
        name: Name of the list file in that folder, e.g. ``train.txt``.
        files: The files in that folder that are known already.
    """
    files = files or FileLookup(root)
    try:
        text = _text_file(root / name, lambda text: names_files(root, text))
    except FileNotFoundError:
        return (), [finding("S101", name, "there is no such file")]
    except OSError as error:
        return (), [finding("S101", name, f"cannot be read: {error.strerror or error}")]
    findings = []
    if text.odd_encoding:
        findings.append(finding("S106", name, f"the file is {text.odd_encoding}"))
    if not text.lines:
        findings.append(finding("S102", name, "the list holds no sample"))
    samples = []
    heading = text.lines[0][0] if has_heading(text, root) else None
    for number, line in text.lines:
        pair = split_line(root, line)
        if pair is None:
            findings.append(finding("S103", name, f"no image and mask in {_short(line)!r}", location=f"line {number}"))
            continue
        if number == heading:
            message = f"{_short(line)!r} is a heading, not an image and its mask"
            findings.append(finding("S103", name, message, location=f"line {number}"))
            continue
        image, mask = files.find(pair[0]), files.find(pair[1])
        if image is not None and mask is not None:
            samples.append(SegSample(image, mask, number))
            continue
        for code, relative, path in zip(("S201", "S202"), pair, (image, mask), strict=True):
            if path is None:
                place = f"{name} line {number}"
                findings.append(finding(code, relative, "there is no such file", location=place))
    findings.extend(_repetitions(samples, root, name))
    return tuple(samples), findings


def split_line(root: Path, line: str) -> tuple[str, str] | None:
    """Image and mask of a line; None when it cannot be told where one ends.

    A tab decides. Among blanks, the one is taken that leaves two files that exist; where none does, the one that leaves
    two names of images, so that a missing file can be named.
    """
    if len(line) > LONGEST_LINE:
        return None
    if "\t" in line:
        fields = [field.strip() for field in line.split("\t") if field.strip()]
        return (fields[0], fields[1]) if len(fields) == 2 else None
    # four times faster than the expression, where it can
    parts = line.split(" ") if line.isascii() and line.count(" ") == 1 else _BLANKS.split(line, maxsplit=2)
    if len(parts) == 2:
        # a comma or semicolon instead of the blank
        return None if parts[0].endswith((",", ";")) else (parts[0], parts[1])
    candidates = [(line[: blank.start()], line[blank.end() :]) for blank in _BLANKS.finditer(line)]
    named = [pair for pair in candidates if all(map(_is_image_name, pair))]
    whole = [pair for pair in candidates if all(_exists(root, part) for part in pair)]
    half = [pair for pair in named if any(_exists(root, part) for part in pair)]
    for chosen in (whole, half, named):
        if len(chosen) == 1:
            return chosen[0]
    return None


def has_heading(text: TextFile, root: Path) -> bool:
    """Whether the first line of a list is the heading of a table, such as "image mask": it alone names no path."""
    pairs = [split_line(root, line) for _, line in text.lines[:2]]
    are_words = [pair is not None and not any(_PATH_MARK.search(word) for word in pair) for pair in pairs]
    return are_words == [True, False]


def joined_line(image: str, mask: str) -> str:
    """The line of a sample, with a tab where a blank in a name would leave in doubt where one ends."""
    return ("\t" if " " in image + mask else " ").join((image, mask))


def names_files(root: Path, text: str) -> bool:
    """Whether every line of a text names an image that is there; tells the right encoding of a list."""
    pairs = [split_line(root, line.strip()) for line in text.splitlines() if line.strip()]
    return all(pair is not None and _exists(root, pair[0]) for pair in pairs)


def _exists(root: Path, relative: str) -> bool:
    return FileLookup(root).find(relative) is not None


def _is_image_name(relative: str) -> bool:
    return Path(relative).suffix.lower() in IMAGE_SUFFIXES


def _repetitions(samples: list[SegSample], root: Path, name: str) -> list[Finding]:
    findings: list[Finding] = []
    images = [os.path.normcase(sample.image_file) for sample in samples]
    if len(set(images)) == len(images):
        return findings
    first: dict[str, SegSample] = {}
    for image, sample in zip(images, samples, strict=True):
        earlier = first.setdefault(image, sample)
        if earlier is sample:
            continue
        code = "S104" if earlier.mask_file == sample.mask_file else "S105"
        name_of_image = relative_name(sample.image_file, root)
        what = "is the same as" if code == "S104" else f"gives {name_of_image} another mask than"
        findings.append(finding(code, name, f"{what} line {earlier.line}", location=f"line {sample.line}"))
    return findings


def relative_name(path: str | Path, root: Path) -> str:
    """The path as a finding names it: relative to the dataset where it lies inside, with forward slashes."""
    return relative_names(root)(str(path))


def relative_names(root: Path) -> Callable[[str], str]:
    """`relative_name` for very many files of a dataset, whose beginning is prepared: three times faster."""
    start = str(root) + os.sep
    length = len(start)

    def name_of(path: str) -> str:
        if path.startswith(start):
            # ten times faster than the same by Path
            return path[length:].replace(os.sep, "/")
        outside = Path(path)
        return (outside.relative_to(root) if outside.is_relative_to(root) else outside).as_posix()

    return name_of


def _short(line: str, length: int = 80) -> str:
    return line if len(line) <= length else line[: length - 1] + "…"
