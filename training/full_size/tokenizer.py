"""CLIP's own vocabulary, from the open_clip_torch package, as a tokenizer's files."""

import gzip
import importlib.resources
import json

from transformers import CLIPTokenizer


def merges_of_clip():
    packed = importlib.resources.files("open_clip") / "bpe_simple_vocab_16e6.txt.gz"
    lines = gzip.decompress(packed.read_bytes()).decode().split("\n")
    return lines[1 : 49152 - 256 - 2 + 1]


def bytes_as_letters():
    """GPT-2's letters for the 256 bytes, in the order of CLIP's first ids."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in kept]
    return [chr(b) for b in kept] + [chr(256 + i) for i in range(len(others))]


def save(folder, pad):
    folder.mkdir(parents=True, exist_ok=True)
    letters, merges = bytes_as_letters(), merges_of_clip()
    words = [*letters, *(c + "</w>" for c in letters), *("".join(m.split()) for m in merges)]
    vocabulary = {word: i for i, word in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}
    assert len(vocabulary) == 49408
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    start, end = "<|startoftext|>", "<|endoftext|>"
    special = {"bos_token": start, "eos_token": end, "unk_token": end, "pad_token": pad}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2))
    config = {**special, "model_max_length": 77, "do_lower_case": True, "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "errors": "replace"}, indent=2))
    CLIPTokenizer(vocabulary, [tuple(m.split()) for m in merges], **special).backend_tokenizer.save(str(folder / "tokenizer.json"))
