"""Caches the latents of the training pictures: on white, and on a colour."""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F

from diffusion_model import IMAGE, Autoencoder
from world import COLOURS, load_pairs, load_pictures


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path, default=Path("runs/pico-diffusion"))
    args = parser.parse_args()
    pictures = load_pictures()
    pairs = [p for p in load_pairs(pictures) if not p.held_out]
    generator = torch.Generator().manual_seed(5)
    names = list(COLOURS)
    backgrounds = torch.randint(len(names), (len(pairs),), generator=generator)
    palette = torch.tensor(list(COLOURS.values())).float() / 255
    model = Autoencoder().eval()
    model.load_state_dict(torch.load(args.run / "autoencoder.pt", weights_only=True)["model"])
    latents = []
    for start in range(0, len(pairs), 256):
        part = pairs[start : start + 256]
        rgba = torch.from_numpy(pictures[[p.row for p in part]]).permute(0, 3, 1, 2).float() / 255
        paint = palette[backgrounds[start : start + 256]][:, :, None, None]
        on = lambda colour: F.interpolate(rgba[:, :3] * rgba[:, 3:] + colour * (1 - rgba[:, 3:]), (IMAGE, IMAGE), mode="bilinear", antialias=True) * 2 - 1
        white = on(torch.ones_like(paint))
        latents.append(torch.stack([model.encode(x)[0] for x in (white, on(paint))], 1).half())
    z = torch.cat(latents)
    scale = 1 / z.float().std().item()
    torch.save({"latents": z, "rows": [p.row for p in pairs], "backgrounds": [names[i] for i in backgrounds], "scale": scale}, args.run / "latents.pt")
    print(f"{len(z)} pictures, scaling factor {scale:.4f}")


if __name__ == "__main__":
    main()
