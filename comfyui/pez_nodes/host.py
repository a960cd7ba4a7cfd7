"""What we use of the ComfyUI that runs us: progress, text and preview on the node, and whether the user has cancelled."""


class Host:
    """The node of one call, in ComfyUI's front end."""

    def __init__(self, node_id):
        self.node_id = node_id
        self._progress = (0, 1)

    def progress(self, value: float, total: float) -> None:
        """Raises ComfyUI's InterruptProcessingException if the user has cancelled; so does preview."""
        self._progress = (value, total)
        self._report(None)

    def preview(self, file: bytes) -> None:
        """A JPEG or PNG file, shown on the node."""
        self._report(_preview(file))

    def _report(self, preview) -> None:
        from comfy.utils import ProgressBar

        value, total = self._progress
        ProgressBar(total, node_id=self.node_id).update_absolute(value, total, preview)

    def text(self, line: str) -> None:
        """A line below the node; it replaces the one before."""
        from server import PromptServer

        instance = getattr(PromptServer, "instance", None)
        if instance is not None and self.node_id is not None:
            instance.send_progress_text(line, self.node_id, getattr(instance, "client_id", None))

    def is_cancelled(self) -> bool:
        from comfy.model_management import processing_interrupted

        return processing_interrupted()

    def is_interrupt(self, error: Exception) -> bool:
        """Is this what ComfyUI raises where the user has cancelled?"""
        from comfy.model_management import InterruptProcessingException

        return isinstance(error, InterruptProcessingException)

    def raise_cancelled(self) -> None:
        """Raises what ComfyUI takes for a cancelled node."""
        from comfy import model_management

        model_management.throw_exception_if_processing_interrupted()
        raise model_management.InterruptProcessingException()


def _preview(file: bytes) -> "tuple | None":
    """(format, picture, largest side) as ComfyUI's progress takes it; nothing where the file cannot be read."""
    import io

    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(file))
        return (picture.format or "JPEG", picture.convert("RGB"), 512)
    except OSError:
        return None
