"""nodes.json, our server's own description of the five nodes → what ComfyUI asks of a node class.

A CLIP of ComfyUI is an object in this process and cannot travel to the server. So inputs of type CLIP become the *name* of a CLIP of the
server, and stay a widget: a list where the server told its names, a text field where it has not answered yet.
"""

import json
from pathlib import Path

from . import clips

DEFAULT_CLIP = "pico-clip"
CLIP_NOTE = "Its name on the pez-nodes server."

TABLE: dict = json.loads((Path(__file__).parent / "nodes.json").read_text("utf-8"))


def input_types(info: dict) -> dict:
    """INPUT_TYPES of a node: {"required" | "optional": {name: (type, options)}, "hidden": …}."""
    sections = {
        section: {name: described(entry) for name, entry in inputs.items()} for section, inputs in info["input"].items()
    }
    return {**sections, "hidden": {"unique_id": "UNIQUE_ID"}}


def described(entry: list) -> tuple:
    """One input as (type, options); lists of choices in place of the type, as every version of ComfyUI reads them."""
    kind, options = entry[0], dict(entry[1]) if len(entry) > 1 else {}
    if kind == "CLIP":
        return clip_name_input(options)
    if kind == "COMBO":
        return (options.pop("options"), options)
    return (kind, options)


def clip_name_input(options: dict) -> tuple:
    """The widget for the name of a CLIP."""
    tooltip = " ".join(part for part in (options.get("tooltip"), CLIP_NOTE) if part)
    names = clips.known_names()
    if not names:
        return ("STRING", {"default": DEFAULT_CLIP, "tooltip": tooltip})
    return (names, {"default": names[0], "tooltip": tooltip})


def types_of(info: dict) -> dict:
    """Name of an input → its type on the server."""
    return {name: entry[0] for inputs in info["input"].values() for name, entry in inputs.items()}


def outputs_of(info: dict) -> list:
    """(name, type, is a list, tooltip) of each output."""
    return list(zip(info["output_name"], info["output"], info["output_is_list"], info["output_tooltips"]))
