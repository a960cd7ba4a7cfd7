"""Trains the autoencoder of pico-diffusion for a given time; goes on from its checkpoint."""

import argparse
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from diffusion_model import IMAGE, Autoencoder
from world import COLOURS, load_pairs, load_pictures

BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path, default=Path("runs/pico-diffusion"))
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--lr", type=float, default=2e-3)
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    pictures = torch.from_numpy(load_pictures().copy())
    rows = torch.tensor([p.row for p in load_pairs(pictures.numpy()) if not p.held_out])
    model = Autoencoder().to(device, memory_format=torch.channels_last)
    path = args.run / "autoencoder.pt"
    step = 0
    if path.exists():
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"])
        step = state["step"]
    average = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), args.lr, betas=(0.9, 0.99), weight_decay=0.01)
    started, total = time.time(), 0.0
    while (part := (time.time() - started) / (60 * args.minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1, (step + 1) / 50) * (0.02 + 0.49 * (1 + math.cos(math.pi * part)))
        x = compose(pictures[rows[torch.randint(len(rows), (BATCH,))]]).to(device, memory_format=torch.channels_last)
        with torch.autocast(device, torch.bfloat16):
            mean, log_variance = model.encode(x)
            y = model.decode(mean + (log_variance / 2).exp() * torch.randn_like(mean))
        y, mean, log_variance = y.float(), mean.float(), log_variance.float()
        error = (y - x).abs().mean() + 0.5 * ((y - x) ** 2).mean() + (edges(y) - edges(x)).abs().mean()
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
        optimizer.zero_grad()
        (error + 1e-3 * divergence).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        total += error.item()
        for name, value in model.state_dict().items():
            average[name].lerp_(value, 1 - min(0.995, 1 - 10 / (10 + step)))
        if step % 50 == 0:
            print(json.dumps({"step": step, "error": round(total / 50, 4), "divergence": round(divergence.item(), 2), "seconds": round(time.time() - started)}), flush=True)
            total = 0.0
            torch.save({"model": average, "step": step}, path)
    torch.save({"model": average, "step": step}, path)


def compose(rgba: torch.Tensor) -> torch.Tensor:
    """uint8 [B, 96, 96, 4] -> [B, 3, 64, 64] in [-1, 1], on white or on a colour, half of them mirrored."""
    palette = torch.tensor(list(COLOURS.values())).float() / 255
    n = len(rgba)
    p = rgba.permute(0, 3, 1, 2).float() / 255
    paint = palette[torch.randint(len(palette), (n,))].view(n, 3, 1, 1)
    paint = torch.where((torch.rand(n) < 0.5).view(n, 1, 1, 1), torch.ones_like(paint), paint)
    x = F.interpolate(p[:, :3] * p[:, 3:] + paint * (1 - p[:, 3:]), (IMAGE, IMAGE), mode="bilinear", antialias=True)
    return torch.where((torch.rand(n) < 0.5).view(n, 1, 1, 1), x.flip(3), x) * 2 - 1


def edges(x: torch.Tensor) -> torch.Tensor:
    """Differences of neighbours: sharp outlines count."""
    return torch.cat([(x[..., 1:] - x[..., :-1]).flatten(1), (x[..., 1:, :] - x[..., :-1, :]).flatten(1)], 1)


if __name__ == "__main__":
    main()
