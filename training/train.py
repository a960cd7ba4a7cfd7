"""Trains pico-clip. Resumes from its checkpoint; on a GPU where there is one."""

import argparse
import copy
import json
import math
import time
from pathlib import Path

import torch

from data import World
from measure import measure
from model import PicoClip, loss


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path, default=Path("runs/pico-clip"))
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=100, help="steps between checkpoints")
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    world = World("runs/tokenizer/tokenizer.json", args.seed)
    model = PicoClip(world.tokenizer.get_vocab_size())
    model.vision = model.vision.to(memory_format=torch.channels_last)
    ema = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(groups(model), lr=args.lr, betas=(0.9, 0.98), eps=1e-6)
    step = resume(args.run / "last.pt", model, ema, optimizer)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device), ema.to(device)
    started, first, total = time.time(), step, 0.0
    while step < args.steps:
        for group in optimizer.param_groups:
            group["lr"] = args.lr * schedule(step, args.steps)
        long = step % 12 == 11
        batch = {k: v.to(device) for k, v in world.batch(args.batch // 4 if long else args.batch, long).items()}
        with torch.autocast(device, torch.bfloat16):
            value = loss(model, batch)
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        total += value.item()
        average(ema, model, min(0.995, 1 - 10 / (10 + step)))
        if step % args.every == 0 or step == args.steps:
            row = {"step": step, "loss": round(total / min(args.every, step - first), 4), "seconds": round(time.time() - started)}
            if step % (4 * args.every) == 0 or step == args.steps:
                row |= measure(ema.cpu(), world)
                ema.to(device)
            total = 0.0
            print(json.dumps(row), flush=True)
            with open(args.run / "log.jsonl", "a") as log:
                log.write(json.dumps(row) + "\n")
            save(args.run / "last.pt", step, model, ema, optimizer)


def groups(model: PicoClip) -> list[dict]:
    """Weight decay for matrices only."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    return [{"params": matrices, "weight_decay": 0.05}, {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0}]


def schedule(step: int, steps: int, warmup: int = 100) -> float:
    """Linear warm-up, then a half cosine to 2 %."""
    return min(1.0, (step + 1) / warmup) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


@torch.no_grad()
def average(ema: PicoClip, model: PicoClip, keep: float) -> None:
    """Exponential moving average of weights and of batch statistics."""
    for a, b in zip(ema.state_dict().values(), model.state_dict().values()):
        a.lerp_(b, 1 - keep) if a.is_floating_point() else a.copy_(b)


def save(path: Path, step: int, model, ema, optimizer) -> None:
    state = {"step": step, "model": model.state_dict(), "ema": ema.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").rename(path)


def resume(path: Path, model, ema, optimizer) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"]), ema.load_state_dict(state["ema"]), optimizer.load_state_dict(state["optimizer"])
    return state["step"]


if __name__ == "__main__":
    main()
