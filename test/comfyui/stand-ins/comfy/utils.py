"""ComfyUI's progress bar, as it behaves in the server: an interrupt is raised where progress is told."""

from comfy import model_management

listener = None


class ProgressBar:
    def __init__(self, total, node_id=None):
        self._total, self._node_id = total, node_id

    def update_absolute(self, value, total=None, preview=None):
        model_management.throw_exception_if_processing_interrupted()
        picture = preview and {"format": preview[0], "size": list(preview[1].size)}
        listener({"node": self._node_id, "progress": [value, total or self._total], "preview": picture})
