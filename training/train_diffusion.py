"""Trains pico-diffusion's U-Net on cached latents for a given time; goes on from its checkpoint."""

import argparse
import copy
import json
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from captions import Captioner
from diffusion_model import TIMESTEPS, UNet, alphas_cumprod
from texts import CaptionCache, Texts
from world import load_pairs, load_pictures, load_styles

UNCONDITIONAL = 0.1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path, default=Path("runs/pico-diffusion"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=8e-4)
    parser.add_argument("--decay", type=float, default=0, help="share of this run, at its end, in which the learning rate falls to 0: for the last run")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    data = torch.load(args.run / "latents.pt", weights_only=True)
    pictures = load_pictures()
    pairs = {p.row: p for p in load_pairs(pictures)}
    order = [pairs[row] for row in data["rows"]]
    latents, scale = data["latents"], data["scale"]
    model = UNet().to(device)
    average = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), args.lr, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    path, step = args.run / "unet.pt", 0
    if path.exists():
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"]), average.load_state_dict(state["average"]), optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    torch.manual_seed(step), random.seed(step)
    alphas = alphas_cumprod().to(device)
    captions = CaptionCache(Texts(device), Captioner(load_styles(), random.Random(step)), order, data["backgrounds"], torch.from_numpy(pictures[data["rows"]]))
    print(f"{sum(p.numel() for p in model.parameters())} weights", flush=True)
    started, saved, total, first = time.time(), time.time(), 0.0, step
    while (part := (time.time() - started) / (60 * args.minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1, (step + 1) / 200) * (min(1, (1 - part) / args.decay) if args.decay else 1)
        picks = torch.randint(len(order), (args.batch,)).tolist()
        coloured = [random.random() < 0.2 for _ in picks]
        states = torch.stack([captions.draw(i, c, UNCONDITIONAL) for i, c in zip(picks, coloured)]).to(device)
        z = torch.stack([latents[i, int(c)] for i, c in zip(picks, coloured)]).float().to(device) * scale
        t = torch.randint(TIMESTEPS, (args.batch,), device=device)
        a = alphas[t].view(-1, 1, 1, 1)
        noise = torch.randn_like(z)
        with torch.autocast(device, torch.bfloat16):
            v = model(a.sqrt() * z + (1 - a).sqrt() * noise, t, states)
        loss = F.mse_loss(v.float(), a.sqrt() * noise - (1 - a).sqrt() * z)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        total += loss.item()
        with torch.no_grad():
            for ours, theirs in zip(average.parameters(), model.parameters()):
                ours.lerp_(theirs, 1 - min(0.999, 1 - 10 / (10 + step)))
        if step % 100 == 0:
            row = {"step": step, "loss": round(total / 100, 4), "seconds": round(time.time() - started)}
            print(json.dumps(row), flush=True)
            with open(args.run / "unet.jsonl", "a") as log:
                log.write(json.dumps(row) + "\n")
            total = 0.0
        if time.time() - saved > 150:
            save(path, step, model, average, optimizer)
            saved = time.time()
    save(path, step, model, average, optimizer)
    print(f"{step - first} steps")


def save(path: Path, step: int, model, average, optimizer) -> None:
    state = {"step": step, "model": model.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").rename(path)


if __name__ == "__main__":
    main()
