"""pico-diffusion: an autoencoder (64 px <-> 8 x 8 x 16) and a text-conditioned U-Net on its latents."""

import math

import torch
import torch.nn.functional as F
from torch import nn

IMAGE = 64
LATENT = 16  # channels
TEXT = 192  # width of pico-clip's hidden states
BETAS = (0.00085, 0.012)  # scaled linear, as Stable Diffusion
TIMESTEPS = 1000


def conv(a: int, b: int, kernel: int = 3) -> nn.Conv2d:
    return nn.Conv2d(a, b, kernel, padding=kernel // 2)


class Residual(nn.Module):
    """x + conv(conv(x)), group-normalised; with an embedding [B, E] that scales and shifts where there is one."""

    def __init__(self, a: int, b: int, embedding: int = 0):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(8, a), conv(a, b)
        self.norm2, self.conv2 = nn.GroupNorm(8, b), conv(b, b)
        self.skip = nn.Conv2d(a, b, 1) if a != b else nn.Identity()
        self.modulate = nn.Linear(embedding, 2 * b) if embedding else None
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x, embedding=None):
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        if self.modulate is not None:
            scale, shift = self.modulate(F.silu(embedding))[:, :, None, None].chunk(2, 1)
            h = h * (1 + scale) + shift
        return self.skip(x) + self.conv2(F.silu(h))


class Autoencoder(nn.Module):
    """Pictures [B, 3, 64, 64] in [-1, 1] <-> latents [B, 16, 8, 8]."""

    def __init__(self, a: int = 96, b: int = 192):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(4), conv(48, a), Residual(a, a), Residual(a, a), nn.Conv2d(a, b, 2, stride=2), Residual(b, b),
            nn.GroupNorm(8, b), nn.SiLU(), conv(b, 2 * LATENT))
        self.decoder = nn.Sequential(
            conv(LATENT, b), Residual(b, b), Residual(b, b), nn.Conv2d(b, 4 * a, 1), nn.PixelShuffle(2),
            Residual(a, a), Residual(a, a), Residual(a, a), nn.GroupNorm(8, a), nn.SiLU(), conv(a, 192),
            nn.PixelShuffle(2), nn.SiLU(), conv(48, 12), nn.PixelShuffle(2))

    def encode(self, x):
        """-> mean and log variance, [B, 16, 8, 8] each."""
        mean, log_variance = self.encoder(x).chunk(2, 1)
        return mean, log_variance.clamp(-12, 4)

    def decode(self, z):
        return self.decoder(z)


class Attention(nn.Module):
    """Queries of x [B, N, W] on keys and values of a context [B, L, C]."""

    def __init__(self, width: int, context: int, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.q, self.kv, self.out = nn.Linear(width, width, bias=False), nn.Linear(context, 2 * width, bias=False), nn.Linear(width, width)

    def forward(self, x, context):
        split = lambda t: t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        q, (k, v) = split(self.q(x)), (split(t) for t in self.kv(context).chunk(2, -1))
        weights = (q * q.shape[-1] ** -0.5 @ k.transpose(-1, -2)).softmax(-1)  # faster here than the fused kernel: short, narrow heads
        return self.out((weights @ v).transpose(1, 2).flatten(2))


class Transformer(nn.Module):
    """Self-attention, attention to the text, and a feed-forward layer over the positions of a map [B, W, H, W]."""

    def __init__(self, width: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.own, self.text = Attention(width, width), Attention(width, TEXT)
        self.feed = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU("tanh"), nn.Linear(3 * width, width))

    def forward(self, x, text):
        h = x.flatten(2).transpose(1, 2)
        n = self.norms[0](h)
        h = h + self.own(n, n)
        h = h + self.text(self.norms[1](h), text)
        h = h + self.feed(self.norms[2](h))
        return h.transpose(1, 2).unflatten(2, x.shape[2:])


class Pool(nn.Module):
    """The text as one vector [B, E]: learned queries look for the states that sum it up (those of end-of-text)."""

    def __init__(self, embedding: int, queries: int = 4):
        super().__init__()
        self.queries = nn.Parameter(torch.randn(queries, TEXT) * 0.1)
        self.attention = Attention(TEXT, TEXT)
        self.out = nn.Sequential(nn.Linear(queries * TEXT, embedding), nn.SiLU(), nn.Linear(embedding, embedding))

    def forward(self, text):
        return self.out(self.attention(self.queries.expand(text.shape[0], -1, -1), text).flatten(1))


class UNet(nn.Module):
    """sample [B, 16, 8, 8], timestep [B], encoder_hidden_states [B, L, 192] -> v-prediction [B, 16, 8, 8]."""

    def __init__(self, a: int = 160, b: int = 224, e: int = 384):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(128, e), nn.SiLU(), nn.Linear(e, e))
        self.pool = Pool(e)
        self.into = conv(LATENT, a)
        self.down0 = nn.ModuleList([Residual(a, a, e), Residual(a, a, e)])
        self.look0 = Transformer(a)
        self.shrink = nn.Conv2d(a, b, 3, stride=2, padding=1)
        self.down1 = nn.ModuleList([Residual(b, b, e), Residual(b, b, e)])
        self.look1 = Transformer(b)
        self.up1 = nn.ModuleList([Residual(2 * b, b, e), Residual(2 * b, b, e)])
        self.look2 = Transformer(b)
        self.grow = conv(b, a)
        self.up0 = nn.ModuleList([Residual(2 * a, a, e), Residual(2 * a, a, e)])
        self.look3 = Transformer(a)
        self.out = nn.Sequential(nn.GroupNorm(8, a), nn.SiLU(), conv(a, LATENT))
        nn.init.zeros_(self.out[2].weight)

    def forward(self, sample, timestep, encoder_hidden_states):
        text = encoder_hidden_states
        e = self.time(wave(timestep)) + self.pool(text)
        h = self.into(sample)
        s0 = self.down0[0](h, e)
        s1 = self.look0(self.down0[1](s0, e), text)
        s2 = self.down1[0](self.shrink(s1), e)
        s3 = self.look1(self.down1[1](s2, e), text)
        h = self.up1[0](torch.cat([s3, s3], 1), e)
        h = self.look2(self.up1[1](torch.cat([h, s2], 1), e), text)
        h = self.grow(F.interpolate(h, scale_factor=2.0, mode="nearest"))
        h = self.up0[0](torch.cat([h, s1], 1), e)
        h = self.look3(self.up0[1](torch.cat([h, s0], 1), e), text)
        return self.out(h)


def wave(timestep: torch.Tensor) -> torch.Tensor:
    """Timesteps [B] -> sines and cosines [B, 128]."""
    angles = timestep.float()[:, None] * torch.exp(-math.log(10_000) * torch.arange(64) / 64).to(timestep.device)
    return torch.cat([angles.cos(), angles.sin()], -1)


def alphas_cumprod() -> torch.Tensor:
    """Products of 1 - beta [1000]."""
    betas = torch.linspace(BETAS[0] ** 0.5, BETAS[1] ** 0.5, TIMESTEPS, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(0).float()
