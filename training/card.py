"""The pictures of the card: a sheet of the nine styles, the course of training, and how well each style is recognised."""

import json

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from world import HERE, load_pairs, load_pictures, load_styles

CARD = HERE.parent / "models/pico-clip"
RUN = HERE / "runs/pico-clip"
SUBJECTS = ["tiger", "penguin", "butterfly", "watermelon", "rose", "bicycle", "locomotive", "guitar"]
INK = "#2b6cb0"


def draw_sheet() -> None:
    """pictures.png: a row for each style, a column for each of eight subjects."""
    pictures = load_pictures()
    rows = {(p.subject, p.style): p.row for p in load_pairs(pictures)}
    styles = load_styles()
    figure, axes = plt.subplots(len(styles), len(SUBJECTS), figsize=(6.4, 6.4), layout="constrained")
    for line, (style, about) in zip(axes, styles.items()):
        for axis, subject in zip(line, SUBJECTS):
            axis.set_axis_off()
            if (subject, style) in rows:
                axis.imshow(pictures[rows[subject, style]])
            if style == next(iter(styles)):
                axis.set_title(subject, fontsize=8)
        line[0].text(-0.15, 0.5, about["name"], transform=line[0].transAxes, ha="right", va="center", fontsize=9)
    save(figure, "pictures.png")


def draw_training() -> None:
    """training.png: loss, and accuracy on held-out pairs, over steps."""
    log = [json.loads(line) for line in (RUN / "log.jsonl").read_text().splitlines()]
    measured = [row for row in log if "pairs" in row]
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
    left.plot([row["step"] for row in log], [row["loss"] for row in log], color=INK)
    left.set(title="loss", xlabel="step", ylim=(0, None))
    for key, label, colour in [("top5_of_100", "top-5 of 100", "#90cdf4"), ("top1_of_100", "top-1 of 100", INK), ("top1_of_all", "top-1 of all", "#1a365d")]:
        right.plot([row["step"] for row in measured], [100 * row[key] for row in measured], "o-", ms=3, color=colour, label=label)
    right.set(title="held-out pairs, %", xlabel="step", xlim=left.get_xlim(), ylim=(0, 100))
    right.legend(fontsize=8, loc="center right")
    save(figure, "training.png")


def draw_styles() -> None:
    """styles.png: top-1 of 100 for each style, best first."""
    figures = json.loads((RUN / "figures.json").read_text())["held_out"]
    shares = {about["name"]: 100 * figures[f"top1_of_100 {style}"] for style, about in load_styles().items()}
    names = sorted(shares, key=shares.get)
    figure, axis = plt.subplots(figsize=(6, 2.8), layout="constrained")
    axis.bar_label(axis.barh(names, [shares[n] for n in names], color=INK), fmt="%.0f", padding=3, fontsize=8)
    axis.axvline(100 * figures["top1_of_100"], color="grey", lw=1, ls="--")
    axis.set(title="top-1 of 100 subjects, %, by style (dashed: all)", xlim=(0, 100))
    save(figure, "styles.png")


def save(figure, name: str) -> None:
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.canvas.draw()
    pixels = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    pixels.quantize(128, dither=Image.Dither.NONE).save(CARD / name, optimize=True)
    plt.close(figure)


if __name__ == "__main__":
    plt.switch_backend("agg")
    draw_sheet()
    draw_training()
    draw_styles()
