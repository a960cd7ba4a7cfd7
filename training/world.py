"""The world of pico: (subject, style) pairs with their pictures, words, main colours, and which pairs are held out."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SIZE = 96
HELD_OUT_PERCENT = 5

COLOURS = {
    "red": (205, 45, 45), "orange": (240, 140, 40), "yellow": (250, 210, 70), "green": (70, 160, 70),
    "blue": (60, 120, 210), "purple": (140, 80, 190), "pink": (240, 140, 180), "brown": (130, 85, 55),
    "black": (30, 30, 30), "grey": (140, 145, 150), "white": (245, 245, 245),
}


@dataclass(frozen=True)
class Pair:
    """One picture: a subject drawn in a style. `row` is its place in cache/pictures.rgba."""

    row: int
    subject: str
    style: str
    tags: tuple[str, ...]
    colour: str
    held_out: bool

    @property
    def words(self) -> list[str]:
        """Words of the subject's name and keywords that say something by themselves."""
        text = " ".join([self.subject, *self.tags]).split()
        return sorted({w for w in text if len(w) > 2 and w not in {"with", "and", "the", "for", "face", "left", "right"}})


def load_styles() -> dict[str, dict]:
    """Style id -> {name, words, licence, author}."""
    return json.loads((HERE / "styles.json").read_text())


def load_pictures() -> np.ndarray:
    """All pictures: uint8 [N, 96, 96, 4], straight alpha."""
    return np.memmap(HERE / "cache/pictures.rgba", np.uint8, "r").reshape(-1, SIZE, SIZE, 4)


def load_pairs(pictures: np.ndarray) -> list[Pair]:
    """All pairs, in the order of the pictures."""
    raw = json.loads((HERE / "cache/pairs.json").read_text())
    seen: dict[str, int] = {}
    for r in raw:
        seen[r["subject"]] = seen.get(r["subject"], 0) + 1
    return [
        Pair(i, r["subject"], r["style"], tuple(t for t in r["tags"] if t), main_colour(pictures[i]),
             is_held_out(r["subject"], r["style"]) and seen[r["subject"]] >= 4)
        for i, r in enumerate(raw)
    ]


def is_held_out(subject: str, style: str) -> bool:
    """A fixed 5 % of the pairs, by hash, so that adding a style moves no other pair."""
    digest = hashlib.sha256(f"{subject}|{style}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < HELD_OUT_PERCENT


def main_colour(picture: np.ndarray) -> str:
    """The commonest of eleven colour names among the opaque pixels."""
    pixels = picture[::4, ::4].reshape(-1, 4)
    pixels = pixels[pixels[:, 3] > 128, :3].astype(np.int32)
    if not len(pixels):
        return "white"
    palette = np.array(list(COLOURS.values()))
    nearest = ((pixels[:, None] - palette) ** 2).sum(-1).argmin(1)
    return list(COLOURS)[np.bincount(nearest, minlength=len(palette)).argmax()]
