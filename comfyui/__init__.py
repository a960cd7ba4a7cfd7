"""PEZ Nodes for ComfyUI: the words behind a picture, found by a pez-nodes server that you run yourself.

Importing this only reads one JSON file. Nothing is started, downloaded or asked; what goes wrong is told by the node that runs.
"""

from .pez_nodes.v1 import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS
from .pez_nodes.v3 import comfy_entrypoint

WEB_DIRECTORY = "./web"

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS", "WEB_DIRECTORY", "comfy_entrypoint"]
