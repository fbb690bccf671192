"""Downloads a weight file once, whole or not at all, and checks it each time it is used."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag, urlsplit

from segcli.data.files import atomic_path, sha256_of, write_json_atomic
from segcli.errors import WeightsError
from segcli.progress import track
from segcli.weights.files import weight_format

if TYPE_CHECKING:
    import requests

CHUNK_BYTES = 1 << 20
TIMEOUT_SECONDS = (5, 60)
"""To connect, and between two pieces of the answer."""
OFFLINE = "SEGCLI_OFFLINE"
"""Environment variable: 1 allows no network."""

_log = logging.getLogger("segcli.weights")


def fetch(address: str, folder: Path) -> Path:
    """The file behind `url`, from `folder` if an intact copy is there, else downloaded into it.

    A download is checked by its length, by an MD5 that the server names (``Content-MD5``), by ``#sha256=<hex>`` at the
    end of the URL, and by being a weight file at all. Its size and SHA-256 are written beside it and checked again
    on each use. Several processes that want the same file download it once.

    Raises:
        WeightsError: The URL is not http(s), the server cannot be reached or refuses, or a check fails.
    """
    from filelock import FileLock

    url, wanted_sha256 = _split_checksum(address)
    target = folder / _file_name(url)
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


def _file_name(url: str) -> str:
    """The URL's own file name behind a digest of the whole URL, so that equal names do not meet."""
    digest = hashlib.sha256(url.encode()).hexdigest()[:12]
    return f"{digest}-{Path(unquote(urlsplit(url).path)).name or 'weights'}"


def _record_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")


def _is_intact(target: Path, wanted_sha256: str | None) -> bool:
    """Whether an earlier download is there and unchanged."""
    try:
        record = json.loads(_record_path(target).read_text(encoding="utf-8"))
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
    _log.info("downloading %s", url)
    with _explained(url, target), atomic_path(target) as temporary:
        sha256 = _receive(url, temporary, wanted_sha256)
        weight_format(temporary)
    size = target.stat().st_size
    write_json_atomic(_record_path(target), {"address": url, "size_bytes": size, "sha256": sha256})


def _receive(url: str, path: Path, wanted_sha256: str | None) -> str:
    """Writes the answer of the server to `path`, checks it, and returns its SHA-256."""
    import requests

    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    # the length and the MD5 are those of the plain file, so compressed transfer is switched off
    headers = {"Accept-Encoding": "identity"}
    with requests.get(url, stream=True, timeout=TIMEOUT_SECONDS, headers=headers) as answer, path.open("wb") as file:
        answer.raise_for_status()
        length = int(answer.headers.get("Content-Length", 0))
        pieces = answer.iter_content(CHUNK_BYTES)
        for chunk in track(pieces, f"downloading {Path(urlsplit(url).path).name}", -(-length // CHUNK_BYTES)):
            file.write(chunk)
            sha256.update(chunk)
            md5.update(chunk)
            size += len(chunk)
        _check_answer(answer, url, size, md5.digest())
    if wanted_sha256 not in (None, sha256.hexdigest()):
        raise WeightsError(
            f"the download has SHA-256 {sha256.hexdigest()}, not {wanted_sha256}", path=url, hint="it is another file"
        )
    return sha256.hexdigest()


def _check_answer(answer: requests.Response, url: str, size: int, md5: bytes) -> None:
    length, named_md5 = answer.headers.get("Content-Length"), answer.headers.get("Content-MD5")
    if length is not None and int(length) != size:
        raise WeightsError(f"the download broke off after {size} of {length} bytes", path=url, hint="try again")
    if named_md5 is not None and named_md5 not in (base64.b64encode(md5).decode(), md5.hex()):
        raise WeightsError("the download does not have the MD5 that the server names", path=url, hint="try again")


@contextmanager
def _explained(url: str, target: Path) -> Iterator[None]:
    """Turns the faults of a download into a message with the way round it."""
    import requests

    remedy = (
        f"fetch it on a machine with network and give its path, or copy it to {target.parent} and give that path; "
        "Train.pretrain_weight_path=null starts at random without network"
    )
    try:
        yield
    except requests.HTTPError as fault:
        raise WeightsError(f"the server answers {_status(fault.response)}", path=url, hint=remedy) from fault
    except requests.RequestException as fault:
        reason = type(fault).__name__
        raise WeightsError(f"cannot be downloaded: the connection failed ({reason})", path=url, hint=remedy) from fault
    except WeightsError as fault:
        # a fault of the content is about the URL, not about the temporary file
        raise WeightsError(fault.message, path=url, hint=fault.hint) from fault


def _status(response: Any) -> str:
    return f"{response.status_code} {response.reason}" if response is not None else "with an error"
