"""Models of the server by their names: what a type of socket is called there, and the names for its widget.

A thread asks for the names: ComfyUI never waits long for a server that may not be there.
"""

import json
import threading
import time
import urllib.request

from .settings import auth_headers, server_url

# Type of an input → the server's node that loads such a model by its `clip_name`, what people call it, and the name of one that is always there.
LOADERS = {
    "CLIP": ("CLIPLoader", "CLIP", "pico-clip"),
    "CLIP_VISION": ("CLIPVisionLoader", "picture tower", ""),
}
# The choice of an optional model that leaves it out.
NONE = "none"
# Seconds: how long a list is taken for current, how long ComfyUI waits for a new one (all its nodes together), how long the server has to answer.
FRESH, WAIT, TIMEOUT = 3.0, 0.3, 5.0

_lock = threading.Lock()
_names: dict = {}  # URL → type → the names it told last
_asked: dict = {}  # URL → (when, the event that is set once it has answered)


def known_names(kind: str):
    """Names of the models that the server offers; those it told last if it does not answer; None if it never has."""
    url = server_url()
    with _lock:
        when, answered = _asked.get(url, (0.0, None))
        if answered is None or (answered.is_set() and time.monotonic() - when > FRESH):
            answered = threading.Event()
            _asked[url] = (time.monotonic(), answered)
            threading.Thread(target=_ask, args=(url, answered), name="pez-nodes: names of models", daemon=True).start()
        waited_until = _asked[url][0] + WAIT
    answered.wait(max(0.0, waited_until - time.monotonic()))
    return _names.get(url, {}).get(kind)


def _ask(url: str, answered: threading.Event) -> None:
    try:
        if "pez_nodes_version" in _get(f"{url}/system_stats")["system"]:
            _names[url] = {kind: _offered(url, loader) for kind, (loader, _, _) in LOADERS.items()}
    except Exception:  # no server, another program, a broken answer: the node says so when it runs
        pass
    finally:
        answered.set()


def _offered(url: str, loader: str) -> list:
    """What a loader offers; nothing where the server is too old to have it."""
    info = _get(f"{url}/object_info/{loader}").get(loader)
    return [str(name) for name in info["input"]["required"]["clip_name"][0]] if info else []


def _get(address: str) -> dict:
    with urllib.request.urlopen(urllib.request.Request(address, headers=auth_headers()), timeout=TIMEOUT) as response:
        return json.load(response)
