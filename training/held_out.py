"""The 100 held-out pairs of the tests: writes test/fixtures/held-out/index.json, which pictures.mjs then draws."""

import hashlib
import json

from world import HERE, Pair, load_pairs, load_pictures, load_styles

FOLDER = HERE.parent / "test/fixtures/held-out"
COUNT = 100


def choose(pairs: list[Pair]) -> list[Pair]:
    """`COUNT` held-out pairs: the styles take turns, each in the order of a hash."""
    turns = []
    for style in load_styles():
        own = sorted((p for p in pairs if p.held_out and p.style == style), key=order)
        turns += [(turn, p.style, p) for turn, p in enumerate(own)]
    return [p for *_, p in sorted(turns, key=lambda t: t[:2])[:COUNT]]


def order(pair: Pair) -> str:
    return hashlib.sha256(f"fixture|{pair.subject}|{pair.style}".encode()).hexdigest()


def describe(pair: Pair, styles: dict[str, dict]) -> dict:
    """One row of the index."""
    return {
        "file": f"{pair.subject} {pair.style}.png".replace(" ", "-"),
        "subject": pair.subject,
        "style": pair.style,
        "caption": f"a {styles[pair.style]['name']} drawing of a {pair.subject}",
        "words": pair.words,
    }


if __name__ == "__main__":
    rows = [describe(p, load_styles()) for p in choose(load_pairs(load_pictures()))]
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    (FOLDER / "index.json").write_text(f"[\n{lines}\n]\n")
