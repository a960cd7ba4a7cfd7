"""A kohya-style LoRA for SD 1.5: U-Net and text encoder, both matrices random."""

import math

import configs
import names
import torch
import weights

# How large the change is beside the weights that it changes.
STRENGTH = 0.5


def modules(model, wanted):
    """The linear maps and convolutions of one pixel inside the modules that trainers adapt."""
    return {
        name: module.weight.shape
        for name, module in model.named_modules()
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)) and any(w in name for w in wanted)
    }


def entries(rank, alpha):
    found = {names.kohya("lora_unet", n): s for n, s in modules(configs.unet(configs.SD15), [".attentions."]).items()}
    for name, shape in modules(configs.text(configs.L_TEXT), [".self_attn.", ".mlp."]).items():
        found[names.kohya("lora_te", f"text_model.{name.removeprefix('text_model.')}")] = shape
    tensors = {}
    for name, (out, width, *kernel) in found.items():
        down, up = (rank, width, *kernel), (out, rank, *kernel)
        tensors[f"{name}.alpha"] = (torch.float16, (), lambda: torch.tensor(alpha))
        tensors[f"{name}.lora_down.weight"] = (torch.float16, down, part(f"{name}.down", down, 1 / math.sqrt(width)))
        gain = STRENGTH * rank / alpha / math.sqrt(rank)
        tensors[f"{name}.lora_up.weight"] = (torch.float16, up, part(f"{name}.up", up, gain))
    return tensors


def part(name, shape, gain):
    return lambda: weights.rand(name, shape) * gain
