"""Images are found again in another size and encoding, and images that only look alike are told from them."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from segcli.data.near_bits import MOST_BITS
from segcli.data.similarity import TURNS, Signature, SimilarImages, is_same_image, signature_of, signatures_of
from segcli.data.stacks import MOST_STACKED, stacks


def scene(seed: int, size: tuple[int, int] = (240, 320)) -> np.ndarray:
    """Blobs of colour with some texture, like a photograph in what matters here."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.integers(0, 255, (7, 9, 3), np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(rng.integers(0, 40, (60, 80, 3), np.uint8), size[::-1])
    return cv2.add(cv2.convertScaleAbs(coarse, alpha=0.8), fine)


def encoded(rgb: np.ndarray, suffix: str, *settings: int) -> bytes:
    return cv2.imencode(suffix, rgb, list(settings))[1].tobytes()


VARIANTS = {
    "png": lambda rgb: (rgb, ".png"),
    "jpeg 40": lambda rgb: (rgb, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 40),
    "webp": lambda rgb: (rgb, ".webp", cv2.IMWRITE_WEBP_QUALITY, 80),
    "half": lambda rgb: (cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), ".jpg"),
    "larger": lambda rgb: (cv2.resize(rgb, None, fx=1.7, fy=1.7), ".png"),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_another_encoding_or_size_is_the_same_image(tmp_path, name):
    index = SimilarImages()
    paths = [tmp_path / f"{number}.jpg" for number in range(20)]
    for number, path in enumerate(paths):
        path.write_bytes(encoded(scene(number), ".jpg"))
    for number in range(5):
        rgb, suffix, *settings = VARIANTS[name](scene(number))
        paths.append(tmp_path / f"copy{number}{suffix}")
        paths[-1].write_bytes(encoded(rgb, suffix, *settings))
    for number, path in enumerate(paths):
        index.add([signature_of(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))], in_val=number >= 20)
    across, within = index.matches()
    assert [(match.image, match.other) for match in across] == [(20 + number, number) for number in range(5)]
    assert within == []
    assert all(is_same_image(paths[number], paths[20 + number]) for number in range(5))
    assert not is_same_image(paths[0], paths[1])


def test_a_frame_that_moved_is_near_but_not_the_same(tmp_path):
    still, moved = scene(0), np.roll(scene(0), 6, axis=1)
    for name, rgb in (("one", still), ("two", moved)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), rgb)
    index = SimilarImages()
    for rgb, in_val in ((still, False), (moved, True)):
        index.add([signature_of(cv2.cvtColor(rgb, cv2.COLOR_BGR2GRAY))], in_val=in_val)
    assert len(index.matches()[0]) == 1
    assert not is_same_image(tmp_path / "one.png", tmp_path / "two.png")


def test_two_exposures_of_one_scene_are_not_the_same_image_and_encodings_of_one_are(tmp_path):
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, 20, (240, 320, 3)) for _ in "ab"]
    first, second = (np.clip(scene(0) + one, 0, 255).astype(np.uint8) for one in noise)
    ways = {"one.png": (first,), "two.png": (second,), "small.png": (cv2.resize(first, (200, 150), interpolation=3),)}
    for name, (rgb, *settings) in {**ways, "one.jpg": (first, cv2.IMWRITE_JPEG_QUALITY, 30)}.items():
        (tmp_path / name).write_bytes(encoded(rgb, name[-4:], *settings))
    assert not is_same_image(tmp_path / "one.png", tmp_path / "two.png")
    assert is_same_image(tmp_path / "one.png", tmp_path / "one.jpg")
    assert is_same_image(tmp_path / "one.png", tmp_path / "small.png")


def by_opencv(grey: np.ndarray) -> Signature | None:
    """A signature made step by step of one image with sides below 256 px, by OpenCV alone."""
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA)
    thumb = cv2.resize(small, (16, 16), interpolation=cv2.INTER_AREA)
    if cv2.meanStdDev(thumb)[1].item() < 1:
        return None
    waves = cv2.dct(small.astype(np.float32))
    low = [waves[8, 0], *waves[:8, :8].ravel()[1:]]
    middle = np.float32(sum(sorted(low)[31:33]) / 2)
    return Signature(int("".join(str(int(value > middle)) for value in low), 2), thumb.tobytes())


def test_signatures_of_many_images_are_those_of_each_by_opencv():
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, rng.integers(1, 200, 2), np.uint8) for _ in range(60)]
    images += [cv2.cvtColor(scene(seed, (90, 120)), cv2.COLOR_BGR2GRAY) for seed in range(20)]
    images += [np.repeat(image[:1], 50, axis=0) for image in images[:20]]  # all waves of one direction are zero
    images += [np.minimum(image, image[::-1, ::-1]) for image in images[:20]]
    images += [(image > share).astype(np.uint8) * 2 + 99 for share in range(0, 256, 8) for image in images[:4]]
    images += [
        rng.integers(0, 256, size, np.uint8) for size in ((16, 16), (20, 7), (32, 32), (32, 9)) for _ in range(9)
    ]
    images += list(rng.integers(0, 256, (2 * MOST_STACKED + 1, 16, 16), np.uint8))
    images += [rng.integers(180, 256, (height, 40), np.uint8) for height in (16, 40)]
    found = signatures_of(stacks(images))
    assert found == [by_opencv(image) for image in images]
    assert 50 < found.count(None) < 200 and None not in found[-2:], "bright images are not of one colour"
    assert signatures_of(stacks([])) == []


@pytest.mark.parametrize("size", [(16, 16), (32, 20), (50, 40)])
def test_signatures_of_images_in_colour_are_those_of_their_brightness(size):
    images = [scene(seed, size) for seed in range(5)]
    greys = [cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) for rgb in images]
    assert signatures_of(stacks(images)) == signatures_of(stacks(greys))


def test_images_of_one_colour_are_like_no_other():
    assert signature_of(np.full((50, 50), 17, np.uint8)) is None
    index = SimilarImages()
    index.add([None] * 3, in_val=False)
    assert index.matches() == ([], [])


@pytest.mark.parametrize("flipped", range(MOST_BITS + 1))
def test_bits_that_nearly_agree_are_found_among_many(flipped):
    rng = np.random.default_rng(flipped)
    thumb = rng.integers(0, 255, 256, np.uint8).tobytes()
    bits = rng.integers(0, 2**63, 3000, np.uint64)
    other = int(bits[1234])
    for place in rng.choice(64, flipped, replace=False):
        other ^= 1 << int(place)
    index = SimilarImages()
    index.add([Signature(int(value), thumb) for value in bits], in_val=False)
    index.add([Signature(other, thumb)], in_val=True)
    assert [(match.image, match.other) for match in index.matches()[0]] == [(3000, 1234)]


def test_a_crowd_of_equal_images_takes_no_quadratic_time_and_each_finds_its_partner():
    rng = np.random.default_rng(0)
    thumb = rng.integers(0, 255, 256, np.uint8).tobytes()
    index = SimilarImages()
    for in_val, number in ((False, 15_000), (True, 5_000)):
        index.add([Signature(77, thumb)] * number, in_val=in_val)
    start = time.process_time()
    across, within = index.matches()
    assert time.process_time() - start < 8
    assert len(across) == 5_000
    assert len(within) == 19_998


def test_mirrored_and_rotated_images_of_train_are_found(tmp_path):
    similar, images = SimilarImages(), [soft(seed) for seed in range(300)]
    for image in images[:250]:
        similar.add([signature_of(image)], in_val=False)
    ways = [turn(np.stack([image])) for turn, image in zip(TURNS, images, strict=False)]
    for turned in (*(way[0] for way in ways), *images[250:]):
        similar.add([signature_of(np.ascontiguousarray(turned))], in_val=True)
    found = {match.image: match for match in similar.turned_matches()}
    assert sorted(found) == [250 + number for number in range(len(TURNS))]
    for number in range(len(TURNS)):
        match = found[250 + number]
        assert match.other == number
        for name, image in (("one", ways[number][0]), ("other", images[number])):
            cv2.imwrite(str(tmp_path / f"{name}.png"), image)
        assert is_same_image(tmp_path / "one.png", tmp_path / "other.png", match.turn)
        assert not is_same_image(tmp_path / "one.png", tmp_path / "other.png")


def soft(seed: int) -> np.ndarray:
    """Something like a photograph, square and grey."""
    return cv2.resize(np.random.default_rng(seed).integers(0, 255, (9, 9), np.uint8), (96, 96), interpolation=2)
