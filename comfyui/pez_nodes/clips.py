"""The names of the server's CLIPs, for the widget. Asked in a thread: ComfyUI never waits long for a server that may not be there."""

import json
import threading
import time
import urllib.request

from .settings import auth_headers, server_url

# Seconds: how long a list is taken for current, how long ComfyUI waits for a new one, how long the server has to answer.
FRESH, WAIT, TIMEOUT = 3.0, 0.3, 5.0

_lock = threading.Lock()
_names: dict = {}  # URL → the names it told last
_asked: dict = {}  # URL → (when, the event that is set once it has answered)


def known_names() -> list:
    """Names of the CLIPs that the server offers; those it told last if it does not answer; [] if it never has."""
    url = server_url()
    with _lock:
        when, answered = _asked.get(url, (0.0, None))
        if answered is None or (answered.is_set() and time.monotonic() - when > FRESH):
            answered = threading.Event()
            _asked[url] = (time.monotonic(), answered)
            threading.Thread(target=_ask, args=(url, answered), name="pez-nodes: names of CLIPs", daemon=True).start()
    answered.wait(WAIT)
    return list(_names.get(url, []))


def _ask(url: str, answered: threading.Event) -> None:
    try:
        if "pez_nodes_version" in _get(f"{url}/system_stats")["system"]:
            names = _get(f"{url}/object_info/CLIPLoader")["CLIPLoader"]["input"]["required"]["clip_name"][0]
            _names[url] = [str(name) for name in names]
    except Exception:  # no server, another program, a broken answer: the node says so when it runs
        pass
    finally:
        answered.set()


def _get(address: str) -> dict:
    with urllib.request.urlopen(urllib.request.Request(address, headers=auth_headers()), timeout=TIMEOUT) as response:
        return json.load(response)
