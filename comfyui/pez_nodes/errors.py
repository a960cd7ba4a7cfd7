"""What goes wrong, as sentences for people; ComfyUI shows them on the node."""

from .models import LOADERS
from .settings import how_to_start


class PezNodesError(Exception):
    """Something to mend: its text says what and how."""

    # ComfyUI shows the module's name, which is otherwise the path of the pack.
    __module__ = "pez_nodes"


class Unreachable(PezNodesError):
    """No answer from the server. A job that was accepted may still be running there."""

    __module__ = "pez_nodes"

    def __init__(self, url: str):
        super().__init__(f"No pez-nodes server answers at {url}. {how_to_start(url)}")


class UnknownJob(PezNodesError):
    """The server does not know the job: its data folder is another one than before."""

    __module__ = "pez_nodes"


def refused(url: str, status: int, body: object) -> PezNodesError:
    """The error for an answer that is not a success. body: parsed JSON, or text."""
    if status == 401:
        return PezNodesError(
            f"The pez-nodes server at {url} asks for a token: set PEZ_NODES_TOKEN to the one it was started with, and restart ComfyUI."
        )
    error = body.get("error") if isinstance(body, dict) else body
    if isinstance(error, dict):
        error = sentence(error)
    return PezNodesError(f"The pez-nodes server at {url} refused ({status}): {str(error).strip() or 'it did not say why'}")


def sentence(error: dict) -> str:
    """`message: details` of one of the server's errors."""
    message, details = str(error.get("message", "")).strip(), str(error.get("details", "")).strip()
    return f"{message}: {details}" if details else message


def invalid_graph(body: dict, graph: dict) -> PezNodesError:
    """The error for a graph that the server did not accept: {"error", "node_errors"}."""
    lines = []
    for node_id, entry in (body.get("node_errors") or {}).items():
        class_type, inputs = entry.get("class_type"), graph.get(node_id, {}).get("inputs", {})
        for error in entry.get("errors", []):
            lines.append(unknown_model(class_type, inputs, error) or sentence(error))
    return PezNodesError("\n".join(lines) or sentence(body.get("error") or {}) or "The pez-nodes server did not accept the inputs.")


def unknown_model(class_type: str, inputs: dict, error: dict) -> "str | None":
    """What to choose instead of a model that the server lacks; None for another error."""
    noun = next((noun for loader, noun, _ in LOADERS.values() if loader == class_type), None)
    if noun is None or error.get("type") != "value_not_in_list":
        return None
    config = (error.get("extra_info") or {}).get("input_config")
    names = config[0] if config and isinstance(config[0], list) else []
    offered = f" It has: {', '.join(names)}." if names else ""
    return f"The pez-nodes server has no {noun} “{inputs.get('clip_name')}”.{offered} Press R to read its list anew."
