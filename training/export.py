"""A checkpoint -> models/pico-clip in the layout of the hub's transformers.js exports."""

import argparse
import json
import shutil
import warnings
from pathlib import Path

import torch
from torch import nn
from tokenizers import Tokenizer

from model import DIM, MEAN, STD, PicoClip

FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt"]


class TextTower(nn.Module):
    """input_ids [B, L] -> text_embeds [B, 192], last_hidden_state [B, L, 192]: transformers' CLIP text model, written out
    for the exporter with a mask and a read-out that hold for any length."""

    def __init__(self, model: PicoClip):
        super().__init__()
        self.text = model.text.text_model if hasattr(model.text, "text_model") else model.text
        self.projection = model.text.text_projection

    def forward(self, input_ids):
        length = input_ids.shape[1]
        e = self.text.embeddings
        x = e.token_embedding(input_ids) + e.position_embedding(torch.arange(length, device=input_ids.device))
        mask = torch.full((length, length), torch.finfo(x.dtype).min).triu(1)
        for layer in self.text.encoder.layers:
            x = x + self.attend(layer.self_attn, layer.layer_norm1(x), mask)
            x = x + layer.mlp(layer.layer_norm2(x))
        x = self.text.final_layer_norm(x)
        end = input_ids.to(torch.int32).argmax(1)
        return self.projection(x[torch.arange(x.shape[0], device=x.device), end]), x

    @staticmethod
    def attend(a, x, mask):
        batch, length, _ = x.shape
        split = lambda y: y.view(batch, length, a.num_heads, a.head_dim).transpose(1, 2)
        q, k, v = split(a.q_proj(x)), split(a.k_proj(x)), split(a.v_proj(x))
        weights = (q @ k.transpose(2, 3) * a.scale + mask).softmax(-1)
        return a.out_proj((weights @ v).transpose(1, 2).reshape(batch, length, -1))


def export(checkpoint: Path, tokenizer: Path, folder: Path) -> None:
    """Writes the folder anew, all at once."""
    vocab = Tokenizer.from_file(str(tokenizer / "tokenizer.json")).get_vocab_size()
    model = PicoClip(vocab)
    model.load_state_dict(torch.load(checkpoint, weights_only=True)["ema"])
    model.eval()
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "onnx").mkdir(parents=True)
    ids = torch.tensor([[vocab - 2, 5, 6, 7, vocab - 1], [vocab - 2, 9, vocab - 1, vocab - 1, vocab - 1]])
    text = TextTower(model)
    with torch.no_grad():
        assert torch.allclose(text(ids)[0], model.text(input_ids=ids).text_embeds, atol=1e-5)
        warnings.simplefilter("ignore")
        common = {"opset_version": 17, "dynamo": False, "do_constant_folding": True}
        torch.onnx.export(text, (ids,), str(part / "onnx/text_model.onnx"), input_names=["input_ids"],
                          output_names=["text_embeds", "last_hidden_state"],
                          dynamic_axes={"input_ids": {0: "batch_size", 1: "sequence_length"}, "text_embeds": {0: "batch_size"},
                                        "last_hidden_state": {0: "batch_size", 1: "sequence_length"}}, **common)
        torch.onnx.export(model.vision, (torch.zeros(2, 3, 64, 64),), str(part / "onnx/vision_model.onnx"),
                          input_names=["pixel_values"], output_names=["image_embeds"],
                          dynamic_axes={"pixel_values": {0: "batch_size"}, "image_embeds": {0: "batch_size"}}, **common)
    for name in FILES:
        shutil.copy(tokenizer / name, part / name)
    write_configs(part, vocab, float(model.logit_scale))
    for kept in folder.glob("README.md"), folder.glob("*.png"):
        for file in kept:
            shutil.copy(file, part / file.name)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def write_configs(folder: Path, vocab: int, logit_scale: float) -> None:
    text = {"model_type": "clip_text_model", "vocab_size": vocab, "hidden_size": DIM, "intermediate_size": 4 * DIM,
            "num_hidden_layers": 4, "num_attention_heads": 4, "max_position_embeddings": 77, "hidden_act": "quick_gelu",
            "projection_dim": DIM, "bos_token_id": vocab - 2, "eos_token_id": vocab - 1, "pad_token_id": vocab - 1}
    vision = {"model_type": "clip_vision_model", "image_size": 64, "projection_dim": DIM, "architecture": "convolutional: see the card"}
    config = {"model_type": "clip", "architectures": ["CLIPModel"], "projection_dim": DIM, "logit_scale_init_value": round(logit_scale, 4),
              "text_config": text, "vision_config": vision}
    processor = {"image_processor_type": "CLIPImageProcessor", "do_convert_rgb": True, "do_resize": True, "size": {"shortest_edge": 64},
                 "resample": 3, "do_center_crop": True, "crop_size": {"height": 64, "width": 64}, "do_rescale": True,
                 "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [MEAN] * 3, "image_std": [STD] * 3}
    for name, content in {"config.json": config, "preprocessor_config.json": processor}.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path, nargs="?", default=Path("runs/pico-clip/last.pt"))
    parser.add_argument("--tokenizer", type=Path, default=Path("runs/tokenizer"))
    parser.add_argument("--out", type=Path, default=Path("../models/pico-clip"))
    args = parser.parse_args()
    export(args.checkpoint, args.tokenizer, args.out)
    print({str(p.relative_to(args.out)): p.stat().st_size for p in sorted(args.out.rglob("*.*")) if p.is_file()})
