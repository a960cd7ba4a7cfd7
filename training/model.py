"""pico-clip: a convolutional picture tower and CLIP's own text tower, small."""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

DIM = 192
MEAN, STD = 0.5, 0.5


def text_config(vocab: int) -> CLIPTextConfig:
    """The text tower's shape; the marks are the two last ids, as in CLIP."""
    return CLIPTextConfig(
        vocab_size=vocab, hidden_size=DIM, intermediate_size=4 * DIM, projection_dim=DIM, num_hidden_layers=4,
        num_attention_heads=4, max_position_embeddings=77, hidden_act="quick_gelu",
        bos_token_id=vocab - 2, eos_token_id=vocab - 1, pad_token_id=vocab - 1)


class Block(nn.Module):
    """x + conv(conv(x)), 3x3, batch-normalised."""

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.GELU("tanh"))
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        nn.init.zeros_(self.second[1].weight)

    def forward(self, x):
        return F.gelu(x + self.second(self.first(x)), approximate="tanh")


def down(a: int, b: int) -> nn.Sequential:
    """Half the resolution, another width."""
    return nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(b), nn.GELU("tanh"))


class Vision(nn.Module):
    """pixel_values [B, 3, 64, 64], normalised -> image_embeds [B, 192]."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            down(3, 32), down(32, 64), Block(64), down(64, 128), Block(128), Block(128), down(128, 224), Block(224), Block(224))
        self.head = nn.Linear(2 * 224, DIM, bias=False)

    def forward(self, pixel_values):
        x = self.body(pixel_values)
        return self.head(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))


class PicoClip(nn.Module):
    """Both towers and the temperature."""

    def __init__(self, vocab: int):
        super().__init__()
        self.vision = Vision()
        self.text = CLIPTextModelWithProjection(text_config(vocab))
        self.logit_scale = nn.Parameter(torch.tensor(2.7))

    def encode_images(self, images: torch.Tensor) -> torch.Tensor:
        """[B, 3, 64, 64] in [0, 1] -> unit vectors [B, 192]."""
        x = ((images - MEAN) / STD).contiguous(memory_format=torch.channels_last)
        return F.normalize(self.vision(x).float(), dim=-1)

    def encode_texts(self, ids: torch.Tensor) -> torch.Tensor:
        """Framed, padded ids [B, L] -> unit vectors [B, 192]."""
        end = self.text.config.eos_token_id
        lengths = (ids != end).sum(1) + 1
        order = lengths.argsort()
        # Short ones and long ones apart: less padding to compute.
        parts = [self.text(input_ids=ids[rows, : int(lengths[rows].max())]).text_embeds.float() for rows in order.chunk(4)]
        return F.normalize(torch.cat(parts)[order.argsort()], dim=-1)


def loss(model: PicoClip, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Symmetrical InfoNCE; a picture is also told from its own wrong caption and from every soup."""
    n = len(batch["images"])
    images = model.encode_images(batch["images"])
    texts = model.encode_texts(batch["ids"])
    scale = model.logit_scale.exp().clamp(max=100)
    logits = scale * images @ texts.T
    own = torch.eye(n, dtype=torch.bool) | batch["soup"]
    logits = torch.cat([logits[:, :n], logits[:, n:].masked_fill(~own, float("-inf"))], 1)
    right = torch.arange(n)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits[:, :n].T, right)) / 2
