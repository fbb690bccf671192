"""Duplicate images: the same bytes, the same image in another size or encoding, and near-duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from filecmp import cmp
from pathlib import Path
from shlex import quote

from segcli.data.lists import relative_name
from segcli.data.prefetch import map_ahead
from segcli.data.samples import Split
from segcli.data.similarity import Match, SimilarImages, TurnedMatch, is_same_image
from segcli.findings import Finding
from segcli.rules import finding
from segcli.rules.repair_hints import OTHER_VAL
from segcli.steps.check.files import FileFacts
from segcli.steps.check.places import Places
from segcli.steps.check.seen import SeenImage, SplitRules
from segcli.steps.check.thumbnails import draw_pair

_COMPARED_SHARE = 0.05
_FEWEST_ALL = 2
_LEAST_COMPARED = 200
"""Most pairs of similar images that are decoded again for comparison: a share of the images, but at least 200."""


class Copies:
    """Finds duplicate images; keeps about 400 bytes per image.

    Args:
        root: Folder to which names in findings are relative.
        rules: Ids of the rules on duplicates.
        places: Receives pairs of images to draw.
    """

    def __init__(self, root: Path, rules: SplitRules, places: Places) -> None:
        self._places = places
        self._root = root
        self._rules = rules
        self._first: dict[bytes, SeenImage] = {}
        self._first_of_val: dict[bytes, SeenImage] = {}
        self._similar = SimilarImages()
        self._images: list[SeenImage] = []

    def update(self, split: Split, images: Sequence[SeenImage], files: Sequence[FileFacts]) -> list[Finding]:
        """Adds images of a split, those of train first; a finding for each earlier image with the same bytes."""
        findings: list[Finding] = []
        signatures = []
        for image, file in zip(images, files, strict=True):
            signature = file.signature
            # what is no image, such as many pointers of Git LFS, or shows nothing, has a finding of its own
            if file.digest is not None and file.header is not None and not file.is_blank:
                first = self._first.setdefault(file.digest, image)
                found = [] if first is image else self._of_same_bytes(image, file.digest, first)
                findings += found
                # an exact copy needs no second finding
                signature = None if found else signature
            signatures.append(signature)
        self._similar.add(signatures, in_val=split is Split.VAL)
        self._images += images
        return findings

    def _of_same_bytes(self, image: SeenImage, digest: bytes, first: SeenImage) -> list[Finding]:
        """Findings on the first image of train, and on that of val, with the digest of this image."""
        earlier = [first]
        if first.split is not image.split:
            of_val = self._first_of_val.setdefault(digest, image)
            earlier += [] if of_val is image else [of_val]
        found = []
        for other in earlier:
            same_file, same_split = other.path == image.path, other.split is image.split
            if (same_file and same_split) or not (same_file or _are_equal(other.path, image.path)):
                continue
            rule = self._rules.within if same_split else self._rules.across
            found.append(self._finding(rule, image, other, "the same bytes as"))
        return found

    def findings(self, workers: int | None = None) -> Iterator[Finding]:
        """Findings on similar images, after all were added; the most similar pairs are decoded again for comparison."""
        across, within = self._similar.matches()
        alike = [match for match in (*across, *within) if not self._is_same_file(match)]
        same = self._same(alike, workers)
        for match in alike:
            image, other = self._images[match.image], self._images[match.other]
            if match in same:
                rule = self._rules.within if image.split is other.split else self._rules.across
                yield self._finding(rule, image, other, "the same image, in another file, as")
            elif image.split is not other.split:
                yield self._finding(self._rules.near, image, other, "nearly the same image as")

        known = {match.image for match in across}
        turned = [match for match in self._similar.turned_matches() if match.image not in known]
        turned = sorted(turned, key=lambda match: match.distance)[: self._most_compared]
        for match, is_same in zip(turned, map_ahead(self._is_turned, turned, workers=workers), strict=True):
            if is_same:
                image, other = self._images[match.image], self._images[match.other]
                yield self._finding(self._rules.near, image, other, "mirrored or rotated, the same image as")

    @property
    def _most_compared(self) -> int:
        return max(_LEAST_COMPARED, int(_COMPARED_SHARE * len(self._images)))

    def _is_turned(self, match: TurnedMatch) -> bool:
        return is_same_image(self._images[match.image].path, self._images[match.other].path, match.turn)

    def _same(self, alike: Sequence[Match], workers: int | None) -> set[Match]:
        """The matches that show the same image; only a limited number is compared, the most similar first."""
        compared = sorted(alike, key=lambda match: match.distance)[: self._most_compared]
        verdicts = map_ahead(self._is_same, compared, workers=workers)
        return {match for match, same in zip(compared, verdicts, strict=True) if same}

    def _is_same(self, match: Match) -> bool:
        return is_same_image(self._images[match.image].path, self._images[match.other].path)

    def _is_same_file(self, match: Match) -> bool:
        return self._images[match.image].path == self._images[match.other].path

    def _finding(self, rule_id: str, image: SeenImage, other: SeenImage, words: str) -> Finding:
        message = f"{words} {relative_name(other.path, self._root)} ({other.location})"
        found = image.finding(rule_id, self._root, message)
        self._places.add([found], lambda _classes: draw_pair(image.path, other.path))
        return found


def one_for_all(
    findings: Sequence[Finding],
    rules: SplitRules,
    images: Mapping[Split, Sequence[str]],
    root: Path,
    val_list: str | None,
) -> list[Finding]:
    """The findings; where every image of val is one of train, a single one says so.

    Args:
        findings: All findings of a dataset.
        rules: Ids of the rules on duplicates.
        images: The images of each split.
        root: Folder of the dataset.
        val_list: The file that lists val, relative to `root`; None where `segcli split` cannot write it.
    """
    copied = {found.path for found in findings if found.code == rules.across}
    val = {relative_name(image, root) for image in images[Split.VAL]} if copied else set()
    if len(val) < _FEWEST_ALL or not copied >= val:
        return list(findings)
    command = f"segcli split {quote(str(root))} --yes"
    if val_list is None:
        hint = OTHER_VAL
    elif val <= {relative_name(image, root) for image in images[Split.TRAIN]}:
        hint = f"{command} splits the images of both anew; or {OTHER_VAL}"
    else:  # files of their own, which a split of both would only mix
        hint = f"{command} splits the images of train anew, once {val_list} is moved out of the dataset; or {OTHER_VAL}"
    one = finding(rules.across, str(root), f"all {len(val)} images of val are images of train", hint=hint)
    return [one, *(found for found in findings if found.code != rules.across)]


def _are_equal(one: str, other: str) -> bool:
    """Whether two files hold the same bytes; not so when one has gone since it was examined."""
    try:
        return cmp(one, other, shallow=False)
    except OSError:
        return False
