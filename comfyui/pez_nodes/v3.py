"""The table → node classes in the form of comfy_api (V3). ComfyUI asks for them where a pack has no NODE_CLASS_MAPPINGS."""

import inspect

from .call import run_node
from .table import TABLE, input_types, outputs_of


async def comfy_entrypoint():
    """Called by ComfyUI, which has comfy_api then."""
    from comfy_api.latest import ComfyExtension, io

    classes = [make_class(name, info, io) for name, info in TABLE.items()]

    class PezExtension(ComfyExtension):
        async def get_node_list(self):
            return classes

    return PezExtension()


def make_class(name: str, info: dict, io) -> type:
    class PezNode(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return make_schema(name, info, io)

        @classmethod
        def validate_inputs(cls, clip=None, clip_vision=None):
            """Any name passes here: the server knows which models it has, and its answer names them."""
            return True

        @classmethod
        async def execute(cls, **inputs):
            ui, values = await run_node(name, info, inputs, cls.hidden.unique_id)
            return io.NodeOutput(*values, ui=ui or None)

    PezNode.__name__ = PezNode.__qualname__ = name
    return PezNode


def make_schema(name: str, info: dict, io):
    """Keys that only newer versions know are left out where this one does not."""
    newer = {
        "search_aliases": info.get("search_aliases", []),
        "has_intermediate_output": info["has_intermediate_output"],
    }
    known = inspect.signature(io.Schema).parameters
    return io.Schema(
        node_id=name,
        display_name=info["display_name"],
        category=info["category"],
        description=info["description"],
        inputs=[make_input(key, entry, section, io) for section, key, entry in each_input(info)],
        outputs=[
            io.Custom(kind).Output(display_name=label, tooltip=tooltip, is_output_list=is_list)
            for label, kind, is_list, tooltip in outputs_of(info)
        ],
        hidden=[io.Hidden.unique_id],
        **{key: value for key, value in newer.items() if key in known},
    )


def each_input(info: dict):
    for section, inputs in input_types(info).items():
        if section != "hidden":
            yield from ((section, key, entry) for key, entry in inputs.items())


def make_input(key: str, entry: tuple, section: str, io):
    """Every kind of input through io.Custom: options travel as they are."""
    kind, options = entry
    if isinstance(kind, list):
        kind, options = "COMBO", {**options, "options": kind}
    return io.Custom(kind).Input(key, optional=section == "optional", extra_dict=options)
