"""A module's parameter -> random numbers for it, the same in every layout, such that activations stay of order one."""

import math
import zlib

import torch

# An exception is a part of a name and a gain. Branches into a residual sum are smaller, outputs get the size of what a trained model gives.
GAINS = [
    ("encoder.layers.", ".out_proj.", 0.3),
    ("encoder.layers.", ".fc2.", 0.3),
    ("unet.conv_out", "", 1.6),
    ("decoder.conv_out", "", 0.8),
]


def rand(name, shape):
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    return torch.randn(shape, generator=generator)


def make(name, shape):
    """A parameter by its name in diffusers or transformers, with the model in front ("unet.conv_in.weight")."""
    if name.endswith("logit_scale"):
        return torch.tensor(math.log(100.0))
    if name.endswith("position_ids"):
        return torch.arange(shape[-1]).expand(shape)
    noise = rand(name, shape)
    if name.endswith(("token_embedding.weight", "position_embedding.weight", "class_embedding")):
        return noise * (0.02 if "token" in name else 0.01)
    if len(shape) == 1:
        return 1 + 0.1 * noise if name.endswith("weight") else 0.05 * noise
    gain = next((g for a, b, g in GAINS if a in name and b in name), 1.0)
    return noise * (gain / math.sqrt(math.prod(shape[1:])))
