"""Photographs of scikit-image's sample data as small squares: what lies outside the world of pico-clip."""

import importlib.util
from pathlib import Path

from PIL import Image

from world import HERE

FOLDER = HERE.parent / "test/fixtures/outside"
SIZE = 192
# file -> the square that is cut out: left, top, side
SQUARES = {"chelsea.png": (75, 0, 300), "coffee.png": (110, 0, 400), "astronaut.png": (60, 0, 400), "rocket.jpg": (200, 60, 340), "horse.png": (36, 0, 328)}


def main() -> None:
    package = Path(importlib.util.find_spec("skimage").submodule_search_locations[0])
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (left, top, side) in SQUARES.items():
        photo = Image.open(package / "data" / name).convert("RGB")
        square = photo.crop((left, top, left + side, top + side)).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
        square.save(FOLDER / f"{Path(name).stem}.jpg", quality=85)


if __name__ == "__main__":
    main()
