"""The page in a real browser: Chromium, driven by Playwright where both are installed."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segcli.data.formats.labelme import read_labelme
from segcli.serve.run import Running
from tests.serve.service import base64_of, instance_folder, make_rgb, png, promptable_yaml, running, semantic_folder

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright drives the browser")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium"),
]
WAIT_MS = 300_000
"""On a busy machine the first answer of a network takes long."""
DROP = """([content, name]) => {
    const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0)), data = new DataTransfer();
    data.items.add(new File([bytes], name, { type: "image/png" }));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
}"""
"""Drops a file on the page."""
SHOTS = os.environ.get("SEGCLI_SCREENSHOTS")
"""Folder for images of the page, to be looked at."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("yaml")
    sam, lseg = (promptable_yaml(folder, f"{kind}_segmentation") for kind in ("open_vocabulary", "text_driven"))
    with running(sam, lseg, semantic_folder(), instance_folder(), token="secret") as started:
        yield started


@pytest.fixture
def page(service: Running, tmp_path: Path) -> Iterator[Any]:
    """The page with an image and the token."""
    (tmp_path / "bear ä.png").write_bytes(png(make_rgb(3, 300, 400)))
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1200, "height": 760})
        opened.set_default_timeout(WAIT_MS)
        faults: list[str] = []

        def note(request: Any) -> None:
            if not request.url.startswith((service.url, "blob:", "data:")):
                faults.append(request.url)

        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.on("requestfailed", lambda request: faults.append(request.url))
        opened.on("request", note)
        opened.goto(service.url)
        opened.fill("#token", "secret")
        opened.click("#use-token")
        opened.wait_for_selector("#token-part", state="hidden")
        opened.evaluate(DROP, [base64_of((tmp_path / "bear ä.png").read_bytes()), "bear ä.png"])
        opened.wait_for_selector("#canvas", state="visible")
        yield opened
        browser.close()
        assert not faults


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png")


def wait_for_objects(page: Any, count: int) -> None:
    page.locator("#objects li").nth(count - 1).wait_for()


def wait_for_status(page: Any, pattern: str) -> None:
    page.locator("#status", has_text=re.compile(pattern)).wait_for()


def rows(page: Any) -> int:
    return int(page.locator("#objects li").count())


def downloaded(page: Any, tmp_path: Path) -> Any:
    with page.expect_download() as waiting:
        page.click("#download")
    assert waiting.value.suggested_filename == "bear ä.json"
    path = tmp_path / "bear ä.json"
    waiting.value.save_as(path)
    file, findings = read_labelme(path, "bear ä")
    assert file is not None and not findings
    values = json.loads(path.read_text(encoding="utf-8"))
    assert (values["imagePath"], values["imageWidth"], values["imageHeight"]) == ("bear ä.png", 400, 300)
    return values


def test_clicks_and_boxes_become_objects_of_a_labelme_file(page: Any, tmp_path: Path) -> None:
    shoot(page, "opened")
    frame = page.locator("#canvas").bounding_box()
    centre = (frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    page.mouse.click(*centre)
    wait_for_objects(page, 1)
    page.keyboard.down("Shift")
    page.mouse.click(frame["x"] + 30, frame["y"] + 30)
    page.keyboard.up("Shift")
    wait_for_status(page, "Answered")
    shoot(page, "clicked")
    page.click("#next")
    page.fill("#name", "nose")
    page.click("#box")
    page.mouse.move(frame["x"] + 50, frame["y"] + 50)
    page.mouse.down()
    page.mouse.move(*centre)
    page.mouse.up()
    wait_for_objects(page, 2)
    wait_for_status(page, "Answered")
    shoot(page, "boxed")

    values = downloaded(page, tmp_path)
    assert {shape["label"] for shape in values["shapes"]} == {"object", "nose"}
    page.click("#clear")
    assert rows(page) == 0 and page.is_disabled("#download")


def test_words_become_objects(page: Any, tmp_path: Path) -> None:
    page.select_option("#model", "text_driven_segmentation")
    page.fill("#text", "bear, grass, sky, dog, street")
    page.press("#text", "Enter")
    wait_for_status(page, "Answered|Not found")
    shoot(page, "words")
    assert rows(page) > 0
    downloaded(page, tmp_path)


@pytest.mark.parametrize("model", ["PP-LiteSeg-T", "PP-YOLOE_seg-S"])
def test_a_whole_image_becomes_objects(page: Any, tmp_path: Path, model: str) -> None:
    page.select_option("#model", model)
    page.click("#run")
    wait_for_objects(page, 1)
    shoot(page, model)
    assert {shape["label"] for shape in downloaded(page, tmp_path)["shapes"]} <= {"red", "blue", "кот", "dog"}


def test_the_page_fits_a_narrow_screen(service: Running, page: Any) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    shoot(page, "narrow")
    assert page.locator("#canvas").bounding_box()["width"] > 300
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.goto(f"{service.url}/docs")
    page.wait_for_selector("text=/semantic-segmentation")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_a_fault_is_shown(page: Any, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"no image")
    page.set_input_files("#file", str(tmp_path / "no.png"))
    page.wait_for_selector("#status.fault")
    assert "no.png" in page.inner_text("#status")


def test_the_page_of_the_api(service: Running, page: Any) -> None:
    page.goto(f"{service.url}/docs")
    page.wait_for_selector("text=/semantic-segmentation")
    shoot(page, "docs")
