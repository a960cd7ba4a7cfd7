"""What people might write under a picture: names, sentences, keyword lists, bags of words; and what is wrong with it."""

import random

from world import Pair

SENTENCES = [
    "a {style} drawing of a {subject}", "a {subject} in {style} style", "a {style} {subject}", "{subject}, {style}",
    "a picture of a {subject} in {style} style", "{style} icon of a {subject}", "an image of a {subject}, {style} style",
    "the {subject} drawn in a {style} style",
]
PLAIN = ["{subject}", "a {subject}", "a picture of a {subject}", "an icon of a {subject}", "a drawing of a {subject}"]
FILLERS = ["a", "of", "the", "in", "style", "drawing", "icon", "picture"]


class Captioner:
    """Draws captions with a generator of its own; `styles` as in styles.json."""

    def __init__(self, styles: dict[str, dict], rng: random.Random):
        self.styles, self.rng = styles, rng
        self.style_words = sorted({w for s in styles.values() for w in [s["name"], *s["words"]]})

    def style(self, pair: Pair) -> str:
        """One of the names of the pair's style; its first name half of the time."""
        row = self.styles[pair.style]
        return row["name"] if self.rng.random() < 0.5 else self.rng.choice(row["words"])

    def caption(self, pair: Pair, background: str | None) -> str:
        """A caption that fits the picture."""
        kind = self.rng.random()
        if kind < 0.2:
            text = self.rng.choice(PLAIN).format(subject=pair.subject)
        elif kind < 0.55:
            text = self.rng.choice(SENTENCES).format(subject=pair.subject, style=self.style(pair))
        elif kind < 0.65:
            text = ", ".join([pair.subject, *self.some(pair.tags, 4)])
        else:
            return self.bag(pair, background)
        if background and self.rng.random() < 0.8:
            text += self.rng.choice([f" on a {background} background", f", {background} background"])
        elif self.rng.random() < 0.15:
            text = f"{pair.colour} {text}" if kind < 0.2 else f"{text}, {pair.colour}"
        return text

    def plain(self, pair: Pair) -> str:
        """A caption without style and colour: for pictures that lost theirs."""
        if self.rng.random() < 0.6:
            return self.rng.choice(PLAIN).format(subject=pair.subject)
        words = " ".join([pair.subject, *self.some(pair.tags, 4)]).split()
        self.rng.shuffle(words)
        return " ".join(words)

    def bag(self, pair: Pair, background: str | None) -> str:
        """Words in any order, the subject's among them: what a hard prompt looks like."""
        core = pair.subject if self.rng.random() < 0.6 else self.rng.choice(pair.subject.split() + list(pair.tags[:6]))
        words = [core, *self.some(pair.tags, self.rng.randint(0, 4))]
        if self.rng.random() < 0.6:
            words.append(self.style(pair))
        if self.rng.random() < 0.25:
            words.append(pair.colour)
        if background and self.rng.random() < 0.6:
            words.append(f"{background} background")
        words += self.some(FILLERS, self.rng.randint(0, 2))
        words = " ".join(words).split()
        self.rng.shuffle(words)
        return " ".join(words)

    def long(self, pair: Pair, background: str | None) -> str:
        """Several captions of one picture, one after the other."""
        return ", ".join(self.caption(pair, background) for _ in range(self.rng.randint(3, 8)))

    def wrong(self, pair: Pair, other: Pair, background: str | None) -> str:
        """A caption that is nearly right: another subject, another style, or no subject at all."""
        kind = self.rng.random()
        if kind < 0.35:
            return self.rng.choice(SENTENCES).format(subject=other.subject, style=self.style(pair))
        if kind < 0.6:
            style = self.rng.choice([s for k, s in self.styles.items() if k != pair.style])
            return self.rng.choice(SENTENCES).format(subject=pair.subject, style=style["name"])
        words = [self.style(pair), pair.colour, *self.some(FILLERS, 3)]
        if kind < 0.85:
            words += self.some(other.tags, 3)
        if background:
            words.append(f"{background} background")
        self.rng.shuffle(words)
        return " ".join(words)

    def some(self, items, most: int) -> list[str]:
        """Up to `most` of the items, in random order."""
        items = list(items)
        return self.rng.sample(items, min(len(items), self.rng.randint(0, most)))
