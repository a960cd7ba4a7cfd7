"""Loads a pack as ComfyUI's loader does and runs its nodes: python3 harness.py <folder of the pack>, commands and answers as lines of JSON.

Commands: {"id", "op", …} with op info | info_v3 | run | interrupt | end. Answers: {"id", "ok"} or {"id", "error": [class, text]}; between them what
the nodes tell the front end: {"node", "progress" | "text", …}.
"""

import asyncio
import importlib.util
import json
import os
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "stand-ins"))


def load(folder):
    """ComfyUI's way: a module named after its path, dots replaced."""
    name = folder.replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, os.path.join(folder, "__init__.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def say(line):
    print(json.dumps(line), flush=True)


def picture(path):
    """Files → IMAGE [B, H, W, 3], pictures of one size."""
    import numpy
    import torch
    from PIL import Image

    arrays = [numpy.asarray(Image.open(file).convert("RGB"), dtype="float32") / 255 for file in path]
    return torch.from_numpy(numpy.stack(arrays))


def plain(value):
    return {"shape": list(value.shape), "mean": float(value.numpy().mean())} if hasattr(value, "shape") else value


def info(cls):
    return {
        "input": cls.INPUT_TYPES(),
        "output": cls.RETURN_TYPES,
        "output_name": cls.RETURN_NAMES,
        "output_is_list": cls.OUTPUT_IS_LIST,
        "output_tooltips": cls.OUTPUT_TOOLTIPS,
        "category": cls.CATEGORY,
        "description": cls.DESCRIPTION,
        "search_aliases": cls.SEARCH_ALIASES,
    }


def info_v3(cls):
    schema = cls.define_schema()
    sections = {"required": {}, "optional": {}}
    for entry in schema.inputs:
        sections["optional" if entry.optional else "required"][entry.id] = [entry.kind, entry.options]
    return {
        "name": schema.node_id,
        "input": {key: value for key, value in sections.items() if value},
        "output": [[o.name, o.kind, o.is_list, o.tooltip] for o in schema.outputs],
    }


async def run(module, command):
    inputs = {**command["inputs"], **{key: picture(files) for key, files in command.get("images", {}).items()}}
    node_id = command["node"]
    if command.get("v3"):
        extension = await module.comfy_entrypoint()
        classes = {cls.define_schema().node_id: cls for cls in await extension.get_node_list()}
        cls = classes[command["class"]]
        cls.hidden.unique_id = node_id
        result = await cls.execute(**inputs)
        return {"ui": result.ui or {}, "result": [plain(value) for value in result.args]}
    cls = module.NODE_CLASS_MAPPINGS[command["class"]]
    answer = await getattr(cls(), cls.FUNCTION)(unique_id=node_id, **inputs)
    ui, result = (answer["ui"], answer["result"]) if isinstance(answer, dict) else ({}, answer)
    return {"ui": ui, "result": [plain(value) for value in result]}


async def obey(module, command):
    operation = command["op"]
    if operation == "run":
        return await run(module, command)
    if operation == "interrupt":
        from comfy import model_management

        model_management.interrupted = True
        return True
    if operation == "info":
        return {name: info(cls) for name, cls in module.NODE_CLASS_MAPPINGS.items()}
    extension = await module.comfy_entrypoint()
    return [info_v3(cls) for cls in await extension.get_node_list()]


async def answer(module, command):
    try:
        say({"id": command["id"], "ok": await obey(module, command)})
    except Exception as error:
        say({"id": command["id"], "error": [type(error).__name__, str(error)]})


async def main():
    before = set(sys.modules)
    started = time.perf_counter()
    module = load(os.path.abspath(sys.argv[1]))
    took = time.perf_counter() - started
    say({"loaded": sorted({name.split(".")[0] for name in set(sys.modules) - before}), "ms": took * 1000, "web": module.WEB_DIRECTORY})
    from comfy import utils

    utils.listener = say
    commands, loop = asyncio.Queue(), asyncio.get_running_loop()

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(commands.put_nowait, json.loads(line))
        loop.call_soon_threadsafe(commands.put_nowait, {"op": "end"})

    threading.Thread(target=read, daemon=True).start()
    tasks = []
    while (command := await commands.get())["op"] != "end":
        tasks.append(asyncio.ensure_future(answer(module, command)))
    # As ComfyUI at the end of a prompt: what still runs is cancelled with the event loop.


asyncio.run(main())
