"""A contact sheet of pico-diffusion from its checkpoints: rows of prompts, columns of seeds (DDIM, guided)."""

import argparse
from pathlib import Path

import torch
from PIL import Image

from diffusion_model import LATENT, TIMESTEPS, Autoencoder, UNet, alphas_cumprod
from texts import Texts

PROMPTS = [
    "a flat drawing of a tiger", "a 3d drawing of a tiger", "a noto drawing of a tomato", "a outlined drawing of a house",
    "a twitter drawing of a butterfly", "a silhouette drawing of a guitar", "a flat drawing of a grinning face", "tiger cat stripes orange wild flat",
    "a noto drawing of a red apple", "a 3d drawing of a rocket",
]


@torch.no_grad()
def sample(unet, texts: torch.Tensor, empty: torch.Tensor, steps: int, guidance: float, generator: torch.Generator) -> torch.Tensor:
    """Hidden states [B, 77, 192] -> latents [B, 16, 8, 8], scaled."""
    alphas = alphas_cumprod()
    x = torch.randn(len(texts), LATENT, 8, 8, generator=generator)
    times = torch.linspace(TIMESTEPS - 1, 0, steps + 1).round().long()
    for now, after in zip(times, times[1:]):
        a, b = alphas[now], alphas[after] if after > 0 else torch.tensor(1.0)
        t = now.expand(len(x))
        v, free = unet(x, t, texts), unet(x, t, empty.expand_as(texts))
        v = free + guidance * (v - free)
        clean, noise = a.sqrt() * x - (1 - a).sqrt() * v, a.sqrt() * v + (1 - a).sqrt() * x
        x = b.sqrt() * clean + (1 - b).sqrt() * noise
    return x


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path, default=Path("runs/pico-diffusion"))
    parser.add_argument("--out", type=Path, default=Path("runs/pico-diffusion/sheet.png"))
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=3.0)
    args = parser.parse_args()
    unet, autoencoder = UNet().eval(), Autoencoder().eval()
    unet.load_state_dict(torch.load(args.run / "unet.pt", weights_only=True)["average"])
    autoencoder.load_state_dict(torch.load(args.run / "autoencoder.pt", weights_only=True)["model"])
    scale = torch.load(args.run / "latents.pt", weights_only=True)["scale"]
    texts = Texts("cpu")
    states, empty = texts(PROMPTS), texts([""])
    columns = []
    for seed in range(args.seeds):
        latents = sample(unet, states, empty, args.steps, args.guidance, torch.Generator().manual_seed(seed))
        with torch.no_grad():
            columns.append(autoencoder.decode(latents / scale).clamp(-1, 1))
    sheet = torch.cat([torch.cat(list(c), 2) for c in columns], 1)  # [3, 64 S, 64 P]
    Image.fromarray(((sheet.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()).resize((sheet.shape[2] * 2, sheet.shape[1] * 2), Image.Resampling.BICUBIC).save(args.out)


if __name__ == "__main__":
    main()
