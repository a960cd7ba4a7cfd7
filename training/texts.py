"""Texts for pico-diffusion: what the U-Net sees of a caption, and many captions for each picture, drawn in advance."""

import random

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from captions import Captioner
from data import CONTEXT, clean, pad
from model import PicoClip
from world import Pair

LENGTH, NEAREST = 8, 24  # of a hard prompt's stand-in: words, and how many words it is drawn from
ON_WHITE, ON_COLOUR, HARD = 4, 2, 2  # texts for each picture


class Texts:
    """Captions -> hidden states [B, 77, 192] of pico-clip's text tower, padded as at run time."""

    def __init__(self, device: str):
        self.tokenizer = Tokenizer.from_file("runs/tokenizer/tokenizer.json")
        self.clip = PicoClip(self.tokenizer.get_vocab_size()).eval()
        self.clip.load_state_dict(torch.load("runs/pico-clip/last.pt", weights_only=True)["ema"])
        self.clip.to(device)
        self.device = device

    @torch.no_grad()
    def __call__(self, texts: list[str]) -> torch.Tensor:
        end = self.tokenizer.get_vocab_size() - 1
        rows = [ids if len(ids) <= CONTEXT else [*ids[: CONTEXT - 1], end] for ids in (self.tokenizer.encode(t).ids for t in texts)]
        ids = F.pad(pad(rows, end), (0, CONTEXT - max(map(len, rows))), value=end)
        with torch.autocast(self.device, torch.bfloat16):
            return self.clip.text(input_ids=ids.to(self.device)).last_hidden_state.float()

    @torch.no_grad()
    def nearest_words(self, pictures: torch.Tensor) -> list[list[str]]:
        """The words whose embeddings are nearest to each picture's, best first; pictures as uint8 [N, 96, 96, 4]."""
        words = sorted(t[:-4] for t in self.tokenizer.get_vocab() if t.endswith("</w>") and t[:-4].isalpha() and len(t) > 6)
        end = self.tokenizer.get_vocab_size() - 1
        texts = self.clip.encode_texts(pad([self.tokenizer.encode(w).ids for w in words], end).to(self.device))
        best = [(self.clip.encode_images(clean(part).to(self.device)) @ texts.T).topk(NEAREST).indices for part in pictures.split(256)]
        return [[words[i] for i in row] for row in torch.cat(best).tolist()]


def hard_prompt(words: list[str], rng: random.Random) -> str:
    """A stand-in for a prompt that PEZ finds: eight of the nearest words, near ones more often, in any order."""
    keys = [rng.random() ** (2 ** (rank / 8)) for rank in range(len(words))]  # weighted sampling without replacement
    chosen = [w for _, w in sorted(zip(keys, words), reverse=True)[:LENGTH]]
    rng.shuffle(chosen)
    return " ".join(chosen)


def on_colour(caption: str, colour: str) -> str:
    """Names the background where the caption does not: what no text names should not appear."""
    return caption if "background" in caption else f"{caption} on a {colour} background"


class CaptionCache:
    """Hidden states of all texts of all pictures, bfloat16 [N, 8, 77, 192]: the text tower would take a fifth of every step."""

    def __init__(self, texts: Texts, captioner: Captioner, pairs: list[Pair], backgrounds: list[str], pictures: torch.Tensor):
        rng = captioner.rng
        rows = [
            [captioner.caption(pair, None) for _ in range(ON_WHITE)] + [on_colour(captioner.caption(pair, colour), colour) for _ in range(ON_COLOUR)]
            + [hard_prompt(words, rng) for _ in range(HARD)]
            for pair, colour, words in zip(pairs, backgrounds, texts.nearest_words(pictures))]
        self.rng = rng
        self.states = torch.empty(len(rows), len(rows[0]), CONTEXT, 192, dtype=torch.bfloat16)
        for i in range(0, len(rows), 32):
            part = rows[i : i + 32]
            self.states[i : i + 32] = texts([t for row in part for t in row]).unflatten(0, (len(part), -1))
        self.empty = texts([""])[0].bfloat16()

    def draw(self, picture: int, on_colour: bool, unconditional: float) -> torch.Tensor:
        """A text of this picture, the empty one with the given probability: bfloat16 [77, 192]."""
        if self.rng.random() < unconditional:
            return self.empty
        if on_colour:
            return self.states[picture, ON_WHITE + self.rng.randrange(ON_COLOUR)]
        hard = self.rng.random() < 0.3
        return self.states[picture, ON_WHITE + ON_COLOUR + self.rng.randrange(HARD) if hard else self.rng.randrange(ON_WHITE)]
