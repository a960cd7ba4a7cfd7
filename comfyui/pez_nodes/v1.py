"""The table → node classes in ComfyUI's first form."""

from .call import run_node
from .table import TABLE, input_types, outputs_of


def make_class(name: str, info: dict) -> type:
    names, types, lists, tooltips = zip(*outputs_of(info))

    class PezNode:
        RETURN_TYPES = types
        RETURN_NAMES = names
        OUTPUT_IS_LIST = lists
        OUTPUT_TOOLTIPS = tooltips
        FUNCTION = "run"
        CATEGORY = info["category"]
        DESCRIPTION = info["description"]
        SEARCH_ALIASES = info.get("search_aliases", [])
        HAS_INTERMEDIATE_OUTPUT = info["has_intermediate_output"]
        # No IS_CHANGED: the result follows from the inputs, seed included, and ComfyUI compares those itself.

        @classmethod
        def INPUT_TYPES(cls):
            return input_types(info)

        @classmethod
        def VALIDATE_INPUTS(cls, clip=None, clip_vision=None):
            """Any name passes here: the server knows which models it has, and its answer names them."""
            return True

        async def run(self, unique_id=None, **inputs):
            ui, values = await run_node(name, info, inputs, unique_id)
            return {"ui": ui, "result": values} if ui else values

    PezNode.__name__ = PezNode.__qualname__ = name
    return PezNode


NODE_CLASS_MAPPINGS = {name: make_class(name, info) for name, info in TABLE.items()}
NODE_DISPLAY_NAME_MAPPINGS = {name: info["display_name"] for name, info in TABLE.items()}
