"""nodes.json, our server's own description of the five nodes → what ComfyUI asks of a node class.

A CLIP of ComfyUI is an object in this process and cannot travel to the server. So inputs for models become *names* of the server's models, and
stay widgets: lists where the server told its names, text fields where it has not answered yet.
"""

import json
from pathlib import Path

from . import models

MODEL_NOTE = "Its name on the pez-nodes server."

TABLE: dict = json.loads((Path(__file__).parent / "nodes.json").read_text("utf-8"))


def input_types(info: dict) -> dict:
    """INPUT_TYPES of a node: {"required" | "optional": {name: (type, options)}, "hidden": …}."""
    sections = {
        section: {name: described(entry, section == "optional") for name, entry in inputs.items()}
        for section, inputs in info["input"].items()
    }
    return {**sections, "hidden": {"unique_id": "UNIQUE_ID"}}


def described(entry: list, optional: bool) -> tuple:
    """One input as (type, options); lists of choices in place of the type, as every version of ComfyUI reads them."""
    kind, options = entry[0], dict(entry[1]) if len(entry) > 1 else {}
    if kind in models.LOADERS:
        return model_input(kind, options, optional)
    if kind == "COMBO":
        return (options.pop("options"), options)
    return (kind, options)


def model_input(kind: str, options: dict, optional: bool) -> tuple:
    """The widget for the name of a model; of an optional one, the first choice is none."""
    tooltip = " ".join(part for part in (options.get("tooltip"), MODEL_NOTE) if part)
    names = models.known_names(kind)
    usual = models.NONE if optional else models.LOADERS[kind][2]
    if names is None or not (names or optional):
        return ("STRING", {"default": usual, "tooltip": tooltip})
    choices = [models.NONE, *names] if optional else names
    return (choices, {"default": choices[0], "tooltip": tooltip})


def types_of(info: dict) -> dict:
    """Name of an input → its type on the server."""
    return {name: entry[0] for inputs in info["input"].values() for name, entry in inputs.items()}


def outputs_of(info: dict) -> list:
    """(name, type, is a list, tooltip) of each output."""
    return list(zip(info["output_name"], info["output"], info["output_is_list"], info["output_tooltips"]))
