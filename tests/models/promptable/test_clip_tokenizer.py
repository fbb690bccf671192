from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from segcli.errors import UsageError
from segcli.models.promptable.lseg.tokenizer import END_OF_TEXT, START_OF_TEXT, encode, tokenize
from tests.models.promptable.golden_weights import read_json


def test_equals_clip(shared: Callable[[str], Path]) -> None:
    for text, expected in read_json(shared("refs/clip_tokens.json"))["tokens"].items():
        row = tokenize([text])[0]
        assert row[: len(expected)].tolist() == expected
        assert not row[len(expected) :].any()


def test_known_ids_without_the_reference() -> None:
    assert [START_OF_TEXT, *encode("a photo of a cat"), END_OF_TEXT] == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert encode("  PARROT\t") == [23565]
    assert encode("traffic  light") == encode("Traffic Light") == [3399, 1395]


def test_typographic_forms_are_made_plain() -> None:
    assert encode("it\u2019s \u201cred\u201d") == encode('it\'s "red"')
    assert encode("\uff23\uff21\uff34") == encode("cat")
    assert encode("cafe\u0301") == encode("caf\u00e9")
    assert encode("salt &amp; pepper") == encode("salt & pepper")
    assert encode("\ufb01re") == encode("fire")


def test_digits_are_single_and_contractions_split() -> None:
    assert encode("123") == encode("1 2 3")
    assert encode("don't") == [*encode("don"), *encode("'t")]


def test_too_long_text_is_refused_or_cut() -> None:
    longest = " ".join(["cat"] * 75)
    assert tokenize([longest])[0, -1] == END_OF_TEXT

    with pytest.raises(UsageError, match="76 tokens; the network reads at most 75"):
        tokenize([f"{longest} dog"])

    row = tokenize([f"{longest} dog"], truncate=True)[0]
    assert row.tolist() == tokenize([longest])[0].tolist()


@pytest.mark.parametrize("text", ["", "  \t"])
def test_empty_text_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        tokenize(["bear", text])


def test_random_ascii_equals_an_independent_tokenizer() -> None:
    oracle = pytest.importorskip("instant_clip_tokenizer", reason="instant-clip-tokenizer is not installed").Tokenizer()
    import random

    generator = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyzABCXYZ 0123456789.,!?'\"()[]{}*/+-_=@#$%^~|\\:; \t\n"
    for _ in range(1500):
        text = "".join(generator.choice(letters) for _ in range(generator.randint(1, 40)))
        assert encode(text) == list(oracle.encode(text)), text
