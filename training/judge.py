"""The judge of pico-diffusion: another network than pico-clip's, another seed, never shown to the generator.

`train` makes it: it names the subject (of 1,595) and the style of a picture. `score` judges pictures that the product made.
"""

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from data import clean
from world import load_pairs, load_pictures

SIZE = 64
SEED = 77


class Judge(nn.Module):
    """Pictures [B, 3, 64, 64] in [0, 1] -> features [B, 320]; `subject` and `style` turn those into logits. In VGG's manner."""

    def __init__(self, subjects: int, styles: int):
        super().__init__()
        layer = lambda a, b: nn.Sequential(nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
        self.body = nn.Sequential(
            nn.PixelUnshuffle(2), layer(12, 48), nn.MaxPool2d(2), layer(48, 96), layer(96, 96), nn.MaxPool2d(2),
            layer(96, 192), layer(192, 192), nn.MaxPool2d(2), layer(192, 320), nn.Flatten(), nn.Dropout(0.3), nn.Linear(320 * 16, 320), nn.ReLU(), nn.Dropout(0.2))
        self.subject, self.style = nn.Linear(320, subjects), nn.Linear(320, styles)

    def forward(self, pictures):
        return self.body((pictures - 0.5) * 2)


def distort(rgba: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Pictures uint8 [N, 96, 96, 4] on a white or coloured ground, moved, scaled, blurred, tinted: [N, 3, 64, 64]."""
    n = len(rgba)
    rand = lambda *shape: torch.rand(*shape, generator=generator)
    x = rgba.permute(0, 3, 1, 2).float() / 255
    colour = torch.where(rand(n, 1) < 0.7, torch.ones(n, 3), rand(n, 3))[:, :, None, None]
    x = x[:, :3] * x[:, 3:] + colour * (1 - x[:, 3:]) - colour
    size, angle, mirror = 1 + 0.35 * (rand(n) - 0.35), (rand(n) - 0.5) * 0.4, torch.where(rand(n) < 0.3, -1.0, 1.0)
    cos, sin = angle.cos() * size, angle.sin() * size
    shift = (rand(n, 2) - 0.5) * 0.25
    theta = torch.stack([torch.stack([cos * mirror, -sin, shift[:, 0]], 1), torch.stack([sin * mirror, cos, shift[:, 1]], 1)], 1)
    x = F.grid_sample(x, F.affine_grid(theta, (n, 3, SIZE, SIZE), align_corners=False), align_corners=False) + colour
    small = int(torch.randint(16, SIZE + 1, (1,), generator=generator))
    blurred = F.interpolate(F.interpolate(x, (small, small), mode="bilinear", antialias=True), (SIZE, SIZE), mode="bilinear")
    x = torch.where(rand(n, 1, 1, 1) < 0.5, blurred, x)
    x = (x - 0.5) * (1 + 0.3 * (rand(n, 3, 1, 1) - 0.5)) + 0.5 + 0.15 * (rand(n, 3, 1, 1) - 0.5)
    return (x + 0.03 * torch.randn(x.shape, generator=generator)).clamp(0, 1)


def train(run: Path, minutes: float) -> None:
    """Trains for a given time; goes on from what is there."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    raw = load_pictures()
    pairs = load_pairs(raw)
    subjects, styles = sorted({p.subject for p in pairs}), sorted({p.style for p in pairs})
    rows = torch.tensor([p.row for p in pairs if not p.held_out])
    named = torch.tensor([[subjects.index(p.subject), styles.index(p.style)] for p in pairs])
    pictures = torch.from_numpy(raw.copy())
    model = Judge(len(subjects), len(styles))
    before = torch.load(run / "judge.pt", weights_only=True) if (run / "judge.pt").exists() else None
    if before:
        model.load_state_dict(before["model"])
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.05, fused=True)
    started, step = time.time(), before["figures"]["steps"] if before else 0
    generator.manual_seed(SEED + step)
    while (part := (time.time() - started) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1, (step + 1) / 100) * (1 - part)
        batch = rows[torch.randint(len(rows), (128,), generator=generator)]
        x = distort(pictures[batch], generator).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            features = model(x)
            subject, style = model.subject(features), model.style(features)
        loss = F.cross_entropy(subject.float(), named[batch, 0], label_smoothing=0.1) + 0.3 * F.cross_entropy(style.float(), named[batch, 1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % 100 == 0:
            print(json.dumps({"step": step, "loss": round(loss.item(), 3), "seconds": round(time.time() - started)}), flush=True)
    run.mkdir(parents=True, exist_ok=True)
    model.eval()
    held = [p.row for p in pairs if p.held_out]
    with torch.no_grad():
        features = model(clean(pictures[held]))
        right = model.subject(features).argmax(1) == named[held, 0]
        style = model.style(features).argmax(1) == named[held, 1]
    figures = {"steps": step, "held_out": len(held), "subject_of_all": round(right.float().mean().item(), 3), "style": round(style.float().mean().item(), 3)}
    torch.save({"model": model.state_dict(), "subjects": subjects, "styles": styles, "figures": figures}, run / "judge.pt")
    print(json.dumps(figures))


class Verdict:
    """A trained judge that looks at picture files."""

    def __init__(self, run: Path):
        state = torch.load(run / "judge.pt", weights_only=True)
        self.subjects = state["subjects"]
        self.model = Judge(len(self.subjects), len(state["styles"])).eval()
        self.model.load_state_dict(state["model"])

    @torch.no_grad()
    def features(self, files: list[Path]) -> torch.Tensor:
        """Unit vectors [N, 320]."""
        return F.normalize(self.model(torch.stack([read(f) for f in files])), dim=-1)

    @torch.no_grad()
    def places(self, files: list[Path], named: list[str], others: int = 99) -> torch.Tensor:
        """Place of each picture's own subject among it and 99 others, 0 the best: int [N]."""
        rng = random.Random(SEED)
        logits = self.model.subject(self.model(torch.stack([read(f) for f in files])))
        places = []
        for row, subject in zip(logits, named):
            own = self.subjects.index(subject)
            rivals = rng.sample([i for i in range(len(self.subjects)) if i != own], others)
            places.append((row[rivals] > row[own]).sum())
        return torch.stack(places)


def score(run: Path, folder: Path) -> dict:
    """What the judge says of out/chain: is the subject seen, and is a picture nearer to its source than to another one."""
    verdict = Verdict(run)
    rows = json.loads((folder / "index.json").read_text())
    subjects = [row["subject"] for row in rows]
    sources = [Path(row["source"]) for row in rows]
    wanted = verdict.features(sources)
    result = {"pictures": len(rows), "sources": {"subject_of_100": share(verdict.places(sources, subjects) == 0)}}
    for kind in ("caption", "chain", "rerank"):
        files = [folder / kind / row["file"] for row in rows]
        alike = verdict.features(files) @ wanted.T
        own = alike.diagonal()
        others = alike[~torch.eye(len(rows), dtype=torch.bool)].view(len(rows), -1)
        places = verdict.places(files, subjects)
        result[kind] = {"subject_of_100": share(places == 0), "in_first_5": share(places < 5), "similarity": round(own.mean().item(), 3),
                        "to_others": round(others.mean().item(), 3), "nearer_than_another": share(own[:, None] > others)}
    return result


def share(hits: torch.Tensor) -> float:
    return round(hits.float().mean().item(), 3)


def read(file: Path) -> torch.Tensor:
    """A picture file on white, [3, 64, 64] in [0, 1]."""
    picture = Image.open(file).convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(flat)).permute(2, 0, 1).float() / 255


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["train", "score"])
    parser.add_argument("--run", type=Path, default=Path("runs/judge"))
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--pictures", type=Path, default=Path("../out/chain"), help="what `npm run bench -- --only chain` leaves")
    args = parser.parse_args()
    if args.command == "train":
        train(args.run, args.minutes)
    else:
        print(json.dumps(score(args.run, args.pictures), indent=2))
