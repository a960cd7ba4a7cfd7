"""Captions -> a byte-pair encoding in CLIP's format: byte alphabet, `</w>` at word ends, the two marks last."""

import collections
import json
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from captions import FILLERS, PLAIN, SENTENCES
from world import COLOURS, load_pairs, load_pictures, load_styles

START, END = "<|startoftext|>", "<|endoftext|>"
CONTEXT = 77
# CLIP's own cut of a text into words (openai/CLIP, simple_tokenizer.py).
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def word_counts() -> collections.Counter:
    """How often each word stands in a subject's name or keywords; the words of sentences, styles and colours often."""
    counts = collections.Counter()
    for subject, tags in {p.subject: p.tags for p in load_pairs(load_pictures())}.items():
        counts.update(subject.split() * 3)
        counts.update(w for t in tags for w in t.split())
    styles = [w for s in load_styles().values() for w in [s["name"], *s["words"]]]
    texts = [*SENTENCES, *PLAIN, *FILLERS, *COLOURS, *styles, "background on and with"]
    for word in " ".join(texts).replace("{subject}", "").replace("{style}", "").replace(",", " ").split():
        counts[word] += 50
    return counts


def byte_alphabet() -> list[str]:
    """The 256 printable stand-ins of bytes, in CLIP's order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(rest))]


def train_merges(counts: collections.Counter, fewest: int) -> list[tuple[str, str]]:
    """Merges until every word that occurs `fewest` times is one token."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(vocab_size=20_000, min_frequency=fewest, end_of_word_suffix="</w>", show_progress=False)
    tokenizer.train_from_iterator([" ".join([w] * n) for w, n in counts.items() if n >= fewest], trainer)
    return [tuple(m) for m in json.loads(tokenizer.to_str())["model"]["merges"]]


def build(merges: list[tuple[str, str]]) -> Tokenizer:
    """The tokenizer around a list of merges."""
    letters = byte_alphabet()
    pieces = [*letters, *(f"{c}</w>" for c in letters), *("".join(m) for m in merges), START, END]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token=END, end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([START, END])
    tokenizer.post_processor = processors.RobertaProcessing(
        (END, vocab[END]), (START, vocab[START]), trim_offsets=False, add_prefix_space=False)
    return tokenizer


def save(folder: Path) -> None:
    """Trains and writes tokenizer.json, tokenizer_config.json, vocab.json and merges.txt."""
    merges = train_merges(word_counts(), 2)
    tokenizer = build(merges)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "CLIPTokenizer", "bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END,
              "do_lower_case": True, "errors": "replace", "model_max_length": CONTEXT}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "special_tokens_map.json").write_text(json.dumps({k: config[k] for k in config if k.endswith("_token")}, indent=2) + "\n")
    (folder / "vocab.json").write_text(json.dumps(tokenizer.get_vocab(), ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    print(f"{tokenizer.get_vocab_size()} tokens, {len(merges)} merges")


if __name__ == "__main__":
    save(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/tokenizer"))
