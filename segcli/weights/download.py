"""Downloads a weight file once, completely or not at all, and checks it each time it is used.

An interrupted download is resumed if the server can tell whether the file is still the same.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

from segcli.data.files import sha256_of, write_json_atomic
from segcli.data.json_text import read_json
from segcli.data.transfer import ConnectionBroke, Limits, RangeRefused, TransferError, get
from segcli.errors import WeightsError
from segcli.progress import track
from segcli.settings import OFFLINE
from segcli.weights.files import weight_format
from segcli.weights.part import PART_SUFFIX, Part

CHUNK_BYTES = 1 << 16
LIMITS = Limits(most_bytes=16 << 30, seconds=3600, silence_s=60)
TRIES = 3
"""Attempts per download in one command, if the connection breaks."""

_log = logging.getLogger("segcli.weights")


def fetch(address: str, folder: Path) -> Path:
    """The file at the URL `address`, from `folder` if it holds an intact copy, else downloaded into it.

    A download has at most 16 GiB and takes at most an hour; an interrupted one is resumed. Its length, an MD5 from the
    server (``Content-MD5``), ``#sha256=<hex>`` at the end of the URL and the format of the file are checked. Its size
    and SHA-256 are written beside it and checked again on each use. Processes that need the same file at the same time
    download it once.

    Raises:
        WeightsError: The URL is not http(s), the server cannot be reached or refuses, a check fails, the file cannot
            be written, or `SEGCLI_OFFLINE` forbids the download.
    """
    from filelock import FileLock

    url, wanted_sha256 = _split_checksum(address)
    target = folder / cached_name(url)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if not _is_intact(target, wanted_sha256):
                _download(url, target, wanted_sha256)
    except OSError as fault:
        raise WeightsError(
            f"cannot be written ({fault.strerror or fault})",
            path=target,
            hint="set SEGCLI_CACHE to a folder with room that you may write to",
        ) from fault
    return target


def _split_checksum(address: str) -> tuple[str, str | None]:
    url, fragment = urldefrag(address)
    if urlsplit(url).scheme not in ("http", "https"):
        raise WeightsError("only http and https URLs are fetched", path=address, hint="give a local file")
    key, _, value = fragment.partition("=")
    return url, value.lower() if key == "sha256" else None


def cached_name(address: str) -> str:
    """Name of the file into which a URL is fetched.

    A digest of the whole URL, then its file name, so that equal names of different URLs do not collide.
    """
    url = urldefrag(address).url
    digest = hashlib.sha256(url.encode()).hexdigest()[:12]
    return f"{digest}-{Path(unquote(urlsplit(url).path)).name or 'weights'}"


def _record_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")


def _is_intact(target: Path, wanted_sha256: str | None) -> bool:
    """Whether an earlier download exists and is unchanged."""
    try:
        record = read_json(_record_path(target))
        if target.stat().st_size != record["size_bytes"]:
            return False
    except (OSError, ValueError, KeyError, TypeError):
        return False
    found = sha256_of(target)
    return found == record.get("sha256") and wanted_sha256 in (None, found)


def _download(url: str, target: Path, wanted_sha256: str | None) -> None:
    if os.environ.get(OFFLINE, "0") not in ("", "0"):
        hint = f"unset {OFFLINE}, or give a local file"
        raise WeightsError(f"{OFFLINE} allows no network, and no copy is kept here", path=url, hint=hint)
    part = Part.of(url, target, may_resume=wanted_sha256 is not None)
    with _explained(url, target):
        for tries_left in reversed(range(TRIES)):
            try:
                _receive(url, part)
                break
            except RangeRefused:
                if not tries_left:
                    raise
                part.drop()
            except ConnectionBroke:
                if not tries_left or not part.size:
                    raise
                _log.info("the connection broke; resuming after %d MB", part.size >> 20)
        try:
            sha256 = _checked(url, part, wanted_sha256)
        except WeightsError:
            part.drop()
            raise
    size = part.size
    part.become(target)
    write_json_atomic(_record_path(target), {"address": url, "size_bytes": size, "sha256": sha256})


def _receive(url: str, part: Part) -> None:
    """Downloads the missing rest of a part."""
    _log.info("downloading %s", url)
    with get(url, LIMITS, part.headers()) as answer, part.opened(answer) as file:
        missing = answer.length
        if missing is not None and missing > shutil.disk_usage(part.path.parent).free:
            raise TransferError(f"has {missing:,} bytes, more than are free on the disk of {part.path.parent}")
        total = 0 if missing is None else -(-missing // CHUNK_BYTES)
        for chunk in track(answer.chunks(), f"downloading {Path(urlsplit(url).path).name}", total):
            file.write(chunk)


def _checked(url: str, part: Part, wanted_sha256: str | None) -> str:
    """Checks a complete download and returns its SHA-256."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with part.path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
            md5.update(block)
    if part.md5 is not None and part.md5 not in (base64.b64encode(md5.digest()).decode(), md5.hexdigest()):
        raise WeightsError("the MD5 of the download is not the one that the server states", path=url, hint="try again")
    if wanted_sha256 not in (None, sha256.hexdigest()):
        raise WeightsError(
            f"the download has SHA-256 {sha256.hexdigest()}, not {wanted_sha256}", path=url, hint="it is another file"
        )
    weight_format(part.path)
    return sha256.hexdigest()


@contextmanager
def _explained(url: str, target: Path) -> Iterator[None]:
    """Turns errors of a download into a `WeightsError` with a remedy."""
    remedy = (
        f"fetch it on a machine with network and give its path, or copy it to {target.parent} and give that path; "
        "Train.pretrain_weight_path=null starts at random without network"
    )
    try:
        yield
    except ConnectionBroke as fault:
        kept = list(target.parent.glob(f"{target.name}{PART_SUFFIX}"))
        again = "type the command again, which resumes the download; or " if kept else ""
        raise WeightsError(f"cannot be downloaded: {fault}", path=url, hint=again + remedy) from fault
    except TransferError as fault:
        raise WeightsError(str(fault), path=url, hint=remedy) from fault
    except WeightsError as fault:
        # an error in the content names the URL, not the temporary file
        raise WeightsError(fault.message, path=url, hint=fault.hint) from fault
