"""ComfyUI's server, of which the pack uses one message."""

from comfy import utils


class PromptServer:
    instance = None
    client_id = "a browser"

    def send_progress_text(self, text, node_id, sid=None):
        utils.listener({"node": node_id, "text": text, "to": sid})


PromptServer.instance = PromptServer()
