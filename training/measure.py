"""How well a pico-clip tells held-out pictures apart: the right caption among 100, and among all subjects."""

import random

import torch

from data import World, clean, pad
from model import PicoClip


@torch.no_grad()
def embed_subjects(model: PicoClip, world: World, style: str) -> torch.Tensor:
    """Unit vectors [S, 192] of 'a <style> drawing of a <subject>', in the order of world.subjects."""
    name = world.styles[style]["name"]
    rows = [world.encode(f"a {name} drawing of a {s}") for s in world.subjects]
    return torch.cat([model.encode_texts(pad(rows[i : i + 256], world.end)) for i in range(0, len(rows), 256)])


@torch.no_grad()
def measure(model: PicoClip, world: World, seed: int = 0) -> dict[str, float]:
    """Top-1 and top-5 among 100 subjects (the right one and 99 others), top-1 among all; and top-1 for each style."""
    model.eval()
    rng = random.Random(seed)
    place = {s: i for i, s in enumerate(world.subjects)}
    ranks, firsts, styles = [], [], []
    for style in world.styles:
        pairs = [p for p in world.pairs if p.held_out and p.style == style]
        if not pairs:
            continue
        texts = embed_subjects(model, world, style)
        images = model.encode_images(clean(world.pictures[[p.row for p in pairs]]))
        for p, scores in zip(pairs, images @ texts.T):
            right = place[p.subject]
            others = rng.sample([i for i in range(len(texts)) if i != right], 99)
            ranks.append(int((scores[others] > scores[right]).sum()))
            firsts.append(int(scores.argmax()) == right)
            styles.append(style)
    n = len(ranks)
    result = {"pairs": n, "top1_of_100": sum(r == 0 for r in ranks) / n, "top5_of_100": sum(r < 5 for r in ranks) / n, "top1_of_all": sum(firsts) / n}
    for style in dict.fromkeys(styles):
        own = [r for r, s in zip(ranks, styles) if s == style]
        result[f"top1_of_100 {style}"] = sum(r == 0 for r in own) / len(own)
    model.train()
    return {k: round(v, 4) for k, v in result.items()}


if __name__ == "__main__":
    import json
    import sys

    state = torch.load(sys.argv[1], weights_only=True)
    world = World("runs/tokenizer/tokenizer.json", 0)
    model = PicoClip(world.tokenizer.get_vocab_size())
    model.load_state_dict(state["ema"])
    print(json.dumps(measure(model, world), indent=2))
