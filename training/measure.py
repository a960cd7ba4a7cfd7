"""How well a pico-clip tells pictures apart: the right subject among 100 and among all, held-out and from outside its world."""

import argparse
import json
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from data import IMAGE, World, clean, pad
from model import PicoClip
from world import HERE

OUTSIDE = HERE.parent / "test/fixtures/outside"


@torch.no_grad()
def embed_subjects(model: PicoClip, world: World, template: str) -> torch.Tensor:
    """Unit vectors [S, 192] of the template filled with each subject, in the order of world.subjects."""
    rows = [world.encode(template.format(s)) for s in world.subjects]
    return torch.cat([model.encode_texts(pad(rows[i : i + 256], world.end)) for i in range(0, len(rows), 256)])


@torch.no_grad()
def measure(model: PicoClip, world: World, seed: int = 0) -> dict[str, float]:
    """Held-out pairs: top-1 and top-5 among 100 subjects (the right one and 99 others) and among all; top-1 for each style."""
    model.eval()
    rng = random.Random(seed)
    place = {s: i for i, s in enumerate(world.subjects)}
    ranks, places, styles = [], [], []
    for style in world.styles:
        pairs = [p for p in world.pairs if p.held_out and p.style == style]
        if not pairs:
            continue
        texts = embed_subjects(model, world, f"a {world.styles[style]['name']} drawing of a {{}}")
        images = model.encode_images(clean(world.pictures[[p.row for p in pairs]]))
        for p, scores in zip(pairs, images @ texts.T):
            right = place[p.subject]
            others = rng.sample([i for i in range(len(texts)) if i != right], 99)
            ranks.append(int((scores[others] > scores[right]).sum()))
            places.append(int((scores > scores[right]).sum()))
            styles.append(style)
    share = lambda hits: sum(hits) / len(hits)
    result = {"pairs": len(ranks), "top1_of_100": share([r == 0 for r in ranks]), "top5_of_100": share([r < 5 for r in ranks]),
              "top1_of_all": share([r == 0 for r in places]), "top5_of_all": share([r < 5 for r in places])}
    for style in dict.fromkeys(styles):
        result[f"top1_of_100 {style}"] = share([r == 0 for r, s in zip(ranks, styles) if s == style])
    model.train()
    return {k: round(v, 4) for k, v in result.items()}


@torch.no_grad()
def measure_outside(model: PicoClip, world: World) -> list[dict]:
    """Pictures from outside the world: the place of the right subject among all, and what stands first. 1 is the first place."""
    model.eval()
    rows = json.loads((OUTSIDE / "index.json").read_text())
    files = [Image.open(OUTSIDE / r["file"]).convert("RGB").resize((IMAGE, IMAGE), Image.Resampling.BICUBIC) for r in rows]
    images = torch.from_numpy(np.stack(files)).permute(0, 3, 1, 2).float() / 255
    scores = model.encode_images(images) @ embed_subjects(model, world, "a picture of a {}").T
    model.train()
    return [{"file": r["file"], "subject": r["subject"], "place": 1 + int((s > s[world.subjects.index(r["subject"])]).sum()),
             "first": [world.subjects[i] for i in s.topk(3).indices]} for r, s in zip(rows, scores)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path, nargs="?", default=Path("runs/pico-clip/last.pt"))
    args = parser.parse_args()
    world = World("runs/tokenizer/tokenizer.json", 0)
    model = PicoClip(world.tokenizer.get_vocab_size())
    model.load_state_dict(torch.load(args.checkpoint, weights_only=True)["ema"])
    figures = {"held_out": measure(model, world), "outside": measure_outside(model, world)}
    text = json.dumps(figures, indent=2)
    args.checkpoint.with_name("figures.json").write_text(text + "\n")
    print(text)
