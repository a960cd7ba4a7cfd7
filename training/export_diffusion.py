"""Checkpoints -> models/pico-diffusion in the layout of optimum's ONNX exports of Stable Diffusion."""

import argparse
import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from torch import nn

from diffusion_model import BETAS, IMAGE, LATENT, TEXT, TIMESTEPS, Autoencoder, UNet
from export import TextTower
from model import PicoClip

TOKENIZER = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt"]


class TextEncoder(nn.Module):
    """input_ids [B, 77] -> last_hidden_state [B, 77, 192], pooler_output [B, 192]."""

    def __init__(self, tower: TextTower):
        super().__init__()
        self.tower = tower

    def forward(self, input_ids):
        pooled, states = self.tower(input_ids)
        return states, pooled


class Encoder(nn.Module):
    """sample [B, 3, 64, 64] in [-1, 1] -> latent_parameters [B, 32, 8, 8]: mean and log variance."""

    def __init__(self, model: Autoencoder):
        super().__init__()
        self.model = model

    def forward(self, sample):
        return torch.cat(self.model.encode(sample), 1)


class Decoder(nn.Module):
    """latent_sample [B, 16, 8, 8] -> sample [B, 3, 64, 64] in [-1, 1]."""

    def __init__(self, model: Autoencoder):
        super().__init__()
        self.model = model

    def forward(self, latent_sample):
        return self.model.decode(latent_sample).clamp(-1, 1)


def export(run: Path, tokenizer: Path, clip: Path, folder: Path) -> None:
    """Writes the folder anew, all at once; keeps its card and the card's pictures."""
    vocab = Tokenizer.from_file(str(tokenizer / "tokenizer.json")).get_vocab_size()
    pico = PicoClip(vocab)
    pico.load_state_dict(torch.load(clip, weights_only=True)["ema"])
    autoencoder = Autoencoder()
    autoencoder.load_state_dict(torch.load(run / "autoencoder.pt", weights_only=True)["model"])
    unet = UNet()
    unet.load_state_dict(torch.load(run / "unet.pt", weights_only=True)["average"])
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    ids = torch.tensor([[vocab - 2, 5, 6] + [vocab - 1] * 74] * 2)
    latent, text = torch.randn(2, LATENT, 8, 8), torch.randn(2, 77, TEXT)
    write(TextEncoder(TextTower(pico)), (ids,), part / "text_encoder", {"input_ids": ["batch_size", "sequence_length"]}, ["last_hidden_state", "pooler_output"], halve)
    write(unet, (latent, torch.tensor([7.0, 900.0]), text), part / "unet",
          {"sample": ["batch_size", None, "height", "width"], "timestep": ["batch_size"], "encoder_hidden_states": ["batch_size", "sequence_length"]}, ["out_sample"], quantise)
    write(Decoder(autoencoder), (latent,), part / "vae_decoder", {"latent_sample": ["batch_size", None, "height", "width"]}, ["sample"], halve)
    write(Encoder(autoencoder), (torch.rand(2, 3, IMAGE, IMAGE),), part / "vae_encoder", {"sample": ["batch_size", None, "height", "width"]}, ["latent_parameters"], halve)
    (part / "tokenizer").mkdir()
    for name in TOKENIZER:
        shutil.copy(tokenizer / name, part / "tokenizer" / name)
    write_configs(part, vocab, torch.load(run / "latents.pt", weights_only=True)["scale"])
    for file in [*folder.glob("README.md"), *folder.glob("*.png"), *folder.glob("*.jpg")]:
        shutil.copy(file, part / file.name)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def write(model: nn.Module, inputs: tuple, folder: Path, axes: dict[str, list], outputs: list[str], store) -> None:
    """Exports a part, its weights made small by `store`, and checks it against PyTorch."""
    model.eval()
    folder.mkdir(parents=True)
    path = folder / "model.onnx"
    dynamic = {name: {i: axis for i, axis in enumerate(names) if axis} for name, names in axes.items()}
    dynamic |= {name: {0: "batch_size"} for name in outputs}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, inputs, str(path), input_names=list(axes), output_names=outputs, dynamic_axes=dynamic,
                          opset_version=17, dynamo=False, do_constant_folding=True)
        expected = model(*inputs)
    store(path)
    import onnxruntime as ort

    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    got = session.run(None, dict(zip(axes, (x.numpy() for x in inputs))))[0]
    expected = (expected[0] if isinstance(expected, tuple) else expected).numpy()
    error = np.abs(got - expected).max() / max(1e-6, np.abs(expected).max())
    print(f"{folder.name}: {path.stat().st_size / 1e6:.1f} MB, largest relative error {error:.1e}")
    assert error < 2e-2, "the export does not compute what PyTorch computes"


def halve(path: Path) -> None:
    """Stores large weights in half precision; they are cast back in the graph, once, when a session is made."""
    shrink(path, lambda name, values: ([numpy_helper.from_array(values.astype(np.float16), name + "_half")],
                                       [helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT)]))


def quantise(path: Path) -> None:
    """Stores large weights as 8-bit integers with a scale for each row or column, whichever fits better; computed back as in `halve`."""

    def eight_bits(name: str, values: np.ndarray):
        options = []
        for axis in {0, values.ndim - 1}:
            others = tuple(i for i in range(values.ndim) if i != axis)
            scale = np.maximum(np.abs(values).max(others, keepdims=True) / 127, 1e-12).astype(np.float32)
            whole = np.round(values / scale).astype(np.int8)
            options.append((((whole * scale - values) ** 2).sum(), axis, whole, scale))
        _, _, whole, scale = min(options, key=lambda o: o[:2])
        return ([numpy_helper.from_array(whole, name + "_whole"), numpy_helper.from_array(scale, name + "_scale")],
                [helper.make_node("Cast", [name + "_whole"], [name + "_cast"], to=TensorProto.FLOAT), helper.make_node("Mul", [name + "_cast", name + "_scale"], [name])])

    shrink(path, eight_bits)


def shrink(path: Path, encode, smallest: int = 1024) -> None:
    """Replaces every large float weight by what `encode(name, values)` gives: initializers, and nodes that compute it back."""
    model = onnx.load(path)
    graph = model.graph
    kept, first = [], []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < smallest or len(tensor.dims) < 2:
            kept.append(tensor)
            continue
        initializers, nodes = encode(tensor.name, numpy_helper.to_array(tensor))
        kept += initializers
        first += nodes
    nodes = [*first, *graph.node]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_configs(folder: Path, vocab: int, scale: float) -> None:
    parts = {name: ["diffusers", "OnnxRuntimeModel"] for name in ("text_encoder", "unet", "vae_decoder", "vae_encoder")}
    index = {"_class_name": "OnnxStableDiffusionPipeline", **parts, "tokenizer": ["transformers", "CLIPTokenizer"],
             "scheduler": ["diffusers", "DDIMScheduler"], "safety_checker": [None, None]}
    vae = {"_class_name": "AutoencoderKL", "latent_channels": LATENT, "scaling_factor": round(scale, 5), "sample_size": IMAGE,
           "block_out_channels": [48, 96, 192, 192]}
    scheduler = {"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "beta_start": BETAS[0], "beta_end": BETAS[1],
                 "num_train_timesteps": TIMESTEPS, "prediction_type": "v_prediction", "clip_sample": False, "set_alpha_to_one": False,
                 "steps_offset": 1}
    files = {
        "model_index.json": index,
        "scheduler/scheduler_config.json": scheduler,
        "vae_decoder/config.json": vae,
        "vae_encoder/config.json": vae,
        "unet/config.json": {"_class_name": "UNet2DConditionModel", "in_channels": LATENT, "out_channels": LATENT, "sample_size": 8, "cross_attention_dim": TEXT},
        "text_encoder/config.json": {"model_type": "clip_text_model", "vocab_size": vocab, "hidden_size": TEXT, "max_position_embeddings": 77,
                                     "bos_token_id": vocab - 2, "eos_token_id": vocab - 1, "pad_token_id": vocab - 1},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path, default=Path("runs/pico-diffusion"))
    parser.add_argument("--tokenizer", type=Path, default=Path("runs/tokenizer"))
    parser.add_argument("--clip", type=Path, default=Path("runs/pico-clip/last.pt"))
    parser.add_argument("--out", type=Path, default=Path("../models/pico-diffusion"))
    args = parser.parse_args()
    export(args.run, args.tokenizer, args.clip, args.out)
