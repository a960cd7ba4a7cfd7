"""Batches for training: pictures put together from the world while training goes on, with captions and wrong captions."""

import random

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from captions import Captioner
from world import COLOURS, Pair, load_pairs, load_pictures, load_styles

IMAGE = 64
CONTEXT = 77
RECOLOURED = 0.3  # of the pictures; their captions name no style and no colour


class World:
    """Draws batches. Subjects in a batch differ, so that a caption fits one picture only."""

    def __init__(self, tokenizer_path: str, seed: int):
        self.rng = random.Random(seed)
        self.torch_rng = torch.Generator().manual_seed(seed)
        pictures = load_pictures()
        self.pairs = load_pairs(pictures)
        self.pictures = torch.from_numpy(pictures.copy())
        self.tokenizer = Tokenizer.from_file(tokenizer_path)
        self.styles = load_styles()
        self.captioner = Captioner(self.styles, self.rng)
        self.by_subject: dict[str, list[Pair]] = {}
        for p in self.pairs:
            if not p.held_out:
                self.by_subject.setdefault(p.subject, []).append(p)
        self.subjects = sorted(self.by_subject)

    def batch(self, n: int, long: bool = False) -> dict[str, torch.Tensor]:
        """images [n, 3, 64, 64] in [0, 1]; ids [2n, L]: captions, then wrong ones; `soup` [n]: wrong for every picture."""
        subjects = self.rng.sample(self.subjects, n)
        pairs = [self.rng.choice(self.by_subject[s]) for s in subjects]
        backgrounds = [self.rng.choice(list(COLOURS)) if self.rng.random() < 0.4 else None for _ in pairs]
        scenes = [self.rng.random() < 0.12 for _ in pairs]
        seconds = [self.rng.choice(self.by_subject[self.rng.choice(self.subjects)]) for _ in pairs]
        recoloured = [not long and self.rng.random() < RECOLOURED for _ in pairs]
        texts, wrong, soup = [], [], []
        for i, (p, b) in enumerate(zip(pairs, backgrounds)):
            text = self.captioner.long(p, b) if long else self.captioner.plain(p) if recoloured[i] else self.captioner.caption(p, b)
            if scenes[i] and not long:
                text = self.scene(p, seconds[i], b)
            texts.append(self.encode(text))
            soup.append(self.rng.random() < 0.4)
            other = pairs[(i + self.rng.randrange(1, n)) % n]
            wrong.append(self.soup() if soup[-1] else self.encode(self.captioner.wrong(p, other, b)))
        images = self.compose(pairs, seconds, scenes, backgrounds, torch.tensor(recoloured))
        return {"images": images, "ids": pad(texts + wrong, self.end), "soup": torch.tensor(soup)}

    def scene(self, a: Pair, b: Pair, background: str | None) -> str:
        first, second = self.rng.sample([a.subject, b.subject], 2)
        join = self.rng.choice([" and a ", " with a ", ", ", " "])
        return f"a {first}{join}{second}" + (f" on a {background} background" if background else "")

    @property
    def end(self) -> int:
        return self.tokenizer.get_vocab_size() - 1

    def encode(self, text: str) -> list[int]:
        """Framed ids, cut to the context."""
        ids = self.tokenizer.encode(text).ids
        return ids if len(ids) <= CONTEXT else [*ids[: CONTEXT - 1], self.end]

    def soup(self) -> list[int]:
        """Random tokens of the whole vocabulary: no token stays untrained."""
        body = [self.rng.randrange(self.end - 1) for _ in range(self.rng.randint(2, 14))]
        return [self.end - 1, *body, self.end]

    def compose(self, pairs, seconds, scenes, backgrounds, recoloured) -> torch.Tensor:
        """Objects moved, scaled, turned and mirrored on their backgrounds."""
        n = len(pairs)
        paint = torch.tensor([COLOURS[b] if b else (255, 255, 255) for b in backgrounds]).float().view(n, 3, 1, 1) / 255
        paint = (paint + torch.randn(n, 3, 1, 1, generator=self.torch_rng) * 0.06 * torch.tensor([b is not None for b in backgrounds]).view(n, 1, 1, 1)).clamp(0, 1)
        scene = torch.tensor(scenes)
        out = self.place(paint.expand(n, 3, IMAGE, IMAGE), pairs, scene, -1, recoloured)
        second = self.place(out, seconds, scene, 1, torch.zeros(n, dtype=torch.bool))
        out = torch.where(scene.view(n, 1, 1, 1), second, out)
        gain = 1 + torch.randn(n, 1, 1, 1, generator=self.torch_rng) * 0.08
        return (out * gain + torch.randn(n, 1, 1, 1, generator=self.torch_rng) * 0.03).clamp(0, 1)

    def place(self, canvas, pairs, scene, side: int, recoloured) -> torch.Tensor:
        """Pastes one object per picture: in the middle, or in one half where the picture is a scene."""
        n = len(pairs)
        rand = lambda: torch.rand(n, generator=self.torch_rng)
        rgba = self.pictures[[p.row for p in pairs]].permute(0, 3, 1, 2).float() / 255
        rgba[recoloured, :3] = self.recolour(rgba[recoloured])
        rgba[:, :3] *= rgba[:, 3:]
        size = torch.where(scene, 0.42 + 0.18 * rand(), 0.68 + 0.34 * rand())
        turn = (rand() - 0.5) * 0.5 * (rand() < 0.5)
        flip = torch.where(rand() < 0.3, -1.0, 1.0)
        x = torch.where(scene, side * (0.4 + 0.1 * rand()), (rand() - 0.5) * 0.35 * (1.1 - size) * 4)
        y = (rand() - 0.5) * torch.where(scene, 0.6, 0.3)
        cos, sin = turn.cos() / size, turn.sin() / size
        theta = torch.stack([torch.stack([cos * flip, sin * flip, -(cos * x + sin * y) * flip], 1), torch.stack([-sin, cos, sin * x - cos * y], 1)], 1)
        moved = F.grid_sample(rgba, F.affine_grid(theta, (n, 4, IMAGE, IMAGE), align_corners=False), align_corners=False)
        return canvas * (1 - moved[:, 3:]) + moved[:, :3]


    def recolour(self, rgba: torch.Tensor) -> torch.Tensor:
        """Other colours, greys, or black and white: the shape must do. -> [n, 3, H, W]"""
        n = len(rgba)
        inside = rgba[:, 3:] > 0.5
        grey = (rgba[:, :3] * torch.tensor([0.3, 0.59, 0.11]).view(1, 3, 1, 1)).sum(1, keepdim=True)
        level = (grey * inside).sum((2, 3), keepdim=True) / inside.sum((2, 3), keepdim=True).clamp(min=1)
        ink = (grey > level + (torch.rand(n, 1, 1, 1, generator=self.torch_rng) - 0.5) * 0.3).float()
        swapped = torch.stack([picture[torch.randperm(3, generator=self.torch_rng)] for picture in rgba[:, :3]]) if n else rgba[:, :3]
        kind = torch.rand(n, 1, 1, 1, generator=self.torch_rng)
        return torch.where(kind < 0.3, grey, torch.where(kind < 0.7, ink, swapped))


def pad(rows: list[list[int]], value: int) -> torch.Tensor:
    """Rows as one int64 tensor, padded with the end token as CLIP does."""
    length = max(map(len, rows))
    return torch.tensor([r + [value] * (length - len(r)) for r in rows])


def clean(pictures: torch.Tensor) -> torch.Tensor:
    """uint8 [N, 96, 96, 4] -> [N, 3, 64, 64] on white, as the held-out pictures are measured."""
    rgba = pictures.permute(0, 3, 1, 2).float() / 255
    white = rgba[:, :3] * rgba[:, 3:] + 1 - rgba[:, 3:]
    return F.interpolate(white, (IMAGE, IMAGE), mode="bicubic", antialias=True).clamp(0, 1)
