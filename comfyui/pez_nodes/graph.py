"""A call of a node → a prompt graph for the server; what that graph showed → the node's outputs."""

import json

from .models import LOADERS, NONE
from .table import types_of

NODE, MODEL, OUTPUT = "node", "model.", "output."


def prompt_graph(name: str, info: dict, values: dict, uploads: dict) -> dict:
    """values: the node's inputs by name; uploads: those of type IMAGE → names of their files on the server."""
    types = types_of(info)
    graph, inputs = {}, {}
    for key, value in values.items():
        if value is None or key not in types:
            continue
        if types[key] in LOADERS:
            if value not in ("", NONE):
                graph[MODEL + key] = {"class_type": LOADERS[types[key]][0], "inputs": {"clip_name": value}}
                inputs[key] = [MODEL + key, 0]
        elif key in uploads:
            inputs[key] = add_batch(graph, key, uploads[key])
        elif isinstance(value, dict):  # PEZ_PROMPT: the server reads its text
            inputs[key] = str(value.get("prompt", ""))
        else:
            inputs[key] = value
    graph[NODE] = {"class_type": name, "inputs": inputs}
    for index, kind in enumerate(info["output"]):
        shows, slot = ("PreviewImage", "images") if kind == "IMAGE" else ("PreviewAny", "source")
        graph[f"{OUTPUT}{index}"] = {"class_type": shows, "inputs": {slot: [NODE, index]}}
    return graph


def add_batch(graph: dict, key: str, files: list) -> list:
    """Adds nodes that load the files in their order, and returns the link to their batch. Joined two by two, so that each is copied log n times."""
    links = []
    for number, file in enumerate(files):
        node = f"{key}.{number}"
        graph[node] = {"class_type": "LoadImage", "inputs": {"image": file}}
        links.append([node, 0])
    while len(links) > 1:
        pairs = [links[at : at + 2] for at in range(0, len(links), 2)]
        links = [pair[0] if len(pair) == 1 else join(graph, key, pair) for pair in pairs]
    return links[0]


def join(graph: dict, key: str, pair: list) -> list:
    node = f"{key}.batch.{len(graph)}"
    graph[node] = {"class_type": "ImageBatch", "inputs": {"image1": pair[0], "image2": pair[1]}}
    return [node, 0]


def shown_texts(outputs: dict, index: int) -> list:
    return outputs.get(f"{OUTPUT}{index}", {}).get("text", [])


def shown_pictures(outputs: dict, index: int) -> list:
    """[{"filename", "subfolder", "type"}]"""
    return outputs.get(f"{OUTPUT}{index}", {}).get("images", [])


def value_of(kind: str, text: str):
    """What Preview as Text printed → the value."""
    if kind == "FLOAT":
        return float(text)
    return json.loads(text) if kind == "PEZ_PROMPT" else text
