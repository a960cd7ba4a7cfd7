"""Writes checkpoints of full size with random weights, in the layouts that people have: for checks of speed, memory and agreement.

    python full_size/make.py --out full-size sd15 sd15-folder lora clip-l clip-h clip-h-open xl

Each weight depends on its name alone, so the layouts of a model hold the same numbers.
"""

import argparse
import json
import pathlib
import re

import configs
import lora
import names
import tokenizer
import torch
import weights
from stream import write

HALF = torch.float16
SCALE = {"scaling_factor": 0.18215}


def entries(model, prefix, rename=lambda name: name):
    """All parameters of a module under new names; `prefix` stands before them where weights are drawn."""
    return {rename(name): entry(f"{prefix}.{name}", t.shape) for name, t in model.state_dict().items()}


def entry(name, shape):
    return HALF, tuple(shape), lambda: weights.make(name, shape)


def with_text_model(name):
    """Newer transformers leave this word away; files on disk have it."""
    return name if name.startswith(("text_model.", "text_projection.")) else f"text_model.{name}"


def text_entries(config, prefix, projection=False):
    """`prefix` tells the towers of XL apart."""
    state = configs.text(config, projection).state_dict()
    return {with_text_model(n): entry(f"{prefix}.{with_text_model(n)}", t.shape) for n, t in state.items()}


def original_unet(config):
    attention = [i for i, kind in enumerate(configs.unet(config).config.up_block_types) if "Attn" in kind]
    return entries(configs.unet(config), "unet", lambda n: f"model.diffusion_model.{names.unet(n, attention)}")


def original_vae():
    """The attention's matrices are convolutions of one pixel there."""
    tensors = entries(configs.vae(), "vae", lambda n: names.vae(f"first_stage_model.{n}"))
    for name, (dtype, shape, make) in tensors.items():
        if re.search(r"attn_1\.(q|k|v|proj_out)\.weight", name):
            tensors[name] = (dtype, (*shape, 1, 1), lambda make=make: make()[..., None, None])
    return tensors


def original_text(config, prefix):
    tensors = {prefix + name: entry for name, entry in text_entries(config, "text").items()}
    ids = (torch.int64, (1, 77), lambda: torch.arange(77)[None])
    return {**tensors, f"{prefix}text_model.embeddings.position_ids": ids}


def schedule():
    """The noise schedule, which training leaves in the files."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    cumulative = torch.cumprod(1 - betas, 0)
    return {"betas": (torch.float32, (1000,), lambda: betas), "alphas_cumprod": (torch.float32, (1000,), lambda: cumulative)}


def sd15(out):
    text = original_text(configs.L_TEXT, "cond_stage_model.transformer.")
    tensors = {**original_unet(configs.SD15), **original_vae(), **text, **schedule()}
    write(out / "checkpoints/random-sd15.safetensors", tensors, {"format": "pt"})


def xl(out):
    clip_l = original_text(configs.L_TEXT, "conditioner.embedders.0.transformer.")
    big_g = open_clip_entries(text_entries(configs.BIGG_TEXT, "text_2", projection=True))
    big_g["logit_scale"] = entry("text_2.logit_scale", ())
    big_g = {f"conditioner.embedders.1.model.{n}": e for n, e in big_g.items()}
    write(out / "checkpoints/random-xl.safetensors", {**original_unet(configs.XL), **original_vae(), **clip_l, **big_g})


def sd15_folder(out):
    """diffusers' folder of the same weights."""
    folder = out / "random-sd15"
    write(folder / "unet/diffusion_pytorch_model.safetensors", entries(configs.unet(configs.SD15), "unet"))
    write(folder / "vae/diffusion_pytorch_model.safetensors", entries(configs.vae(), "vae"))
    write(folder / "text_encoder/model.safetensors", text_entries(configs.L_TEXT, "text"))
    text_config = {**configs.L_TEXT, "architectures": ["CLIPTextModel"], "model_type": "clip_text_model"}
    dump(folder / "text_encoder/config.json", text_config)
    configs.unet(configs.SD15).save_config(folder / "unet")
    configs.vae().save_config(folder / "vae")
    tokenizer.save(folder / "tokenizer", pad="<|endoftext|>")
    dump(folder / "scheduler/scheduler_config.json", SCHEDULER)
    dump(folder / "model_index.json", MODEL_INDEX)


SCHEDULER = {
    "_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000, "steps_offset": 1, "clip_sample": False, "skip_prk_steps": True, "set_alpha_to_one": False,
}  # fmt: skip
MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline", "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
    "safety_checker": [None, None], "feature_extractor": [None, None],
}  # fmt: skip


def open_clip_entries(tensors):
    """OpenCLIP's names: q, k and v as one matrix, the projections the other way round."""
    result = {}
    for name, (dtype, shape, make) in tensors.items():
        if re.search(r"\.[kv]_proj\.", name):
            continue
        new = names.open_clip(name)
        if ".q_proj." in name:
            parts = [tensors[name.replace(".q_proj.", f".{x}_proj.")][2] for x in "qkv"]
            result[new] = (dtype, (3 * shape[0], *shape[1:]), lambda parts=parts: torch.cat([part() for part in parts]))
        elif new in ("text_projection", "visual.proj"):
            result[new] = (dtype, shape[::-1], lambda make=make: make().T)
        else:
            result[new] = (dtype, shape, make)
    return result


def clip_entries(text_config, vision_config):
    return entries(configs.clip(text_config, vision_config), "clip")


def clip_folder(folder, text_config, vision_config, pad):
    write(folder / "model.safetensors", clip_entries(text_config, vision_config), {"format": "pt"})
    tokenizer.save(folder, pad)
    dump(
        folder / "config.json",
        {
            "architectures": ["CLIPModel"],
            "model_type": "clip",
            "projection_dim": text_config["projection_dim"],
            "text_config": {**text_config, "model_type": "clip_text_model"},
            "vision_config": {**vision_config, "model_type": "clip_vision_model"},
        },
    )
    dump(folder / "preprocessor_config.json", PREPROCESSOR)


PREPROCESSOR = {
    "crop_size": 224, "do_center_crop": True, "do_normalize": True, "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 224,
}  # fmt: skip


def clip_l(out):
    clip_folder(out / "clip-vit-large-patch14", configs.L_TEXT, configs.L_VISION, pad="<|endoftext|>")


def clip_h(out):
    clip_folder(out / "CLIP-ViT-H-14", configs.H_TEXT, configs.H_VISION, pad="!")


def clip_h_open(out):
    """OpenCLIP's own layout, same weights as `clip-h`."""
    folder = out / "CLIP-ViT-H-14-open"
    write(folder / "open_clip_model.safetensors", open_clip_entries(clip_entries(configs.H_TEXT, configs.H_VISION)))
    tokenizer.save(folder, pad="!")
    text = {"context_length": 77, "vocab_size": 49408, "width": 1024, "heads": 16, "layers": 24}
    vision = {"image_size": 224, "layers": 32, "width": 1280, "head_width": 80, "patch_size": 14}
    preprocess = {"mean": PREPROCESSOR["image_mean"], "std": PREPROCESSOR["image_std"]}
    model = {"embed_dim": 1024, "vision_cfg": vision, "text_cfg": text}
    dump(folder / "open_clip_config.json", {"model_cfg": model, "preprocess_cfg": preprocess})


def lora_file(out):
    write(out / "loras/random-sd15-rank8.safetensors", lora.entries(rank=8, alpha=4.0))


def dump(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


MODELS = {
    "sd15": sd15, "sd15-folder": sd15_folder, "lora": lora_file, "clip-l": clip_l, "clip-h": clip_h,
    "clip-h-open": clip_h_open, "xl": xl,
}  # fmt: skip

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="*", choices=[*MODELS, []], default=list(MODELS))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "runs/full-size")
    args = parser.parse_args()
    for model in args.models:
        MODELS[model](args.out)
