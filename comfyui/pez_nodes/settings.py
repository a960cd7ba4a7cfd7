"""Where the pez-nodes server is: two environment variables, read anew for every call."""

import os
from urllib.parse import urlsplit

DEFAULT_URL = "http://127.0.0.1:8190"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def server_url() -> str:
    """PEZ_NODES_URL without a slash at its end."""
    return (os.environ.get("PEZ_NODES_URL", "").strip() or DEFAULT_URL).rstrip("/")


def auth_headers() -> dict:
    """The header that shows PEZ_NODES_TOKEN; none without a token."""
    token = os.environ.get("PEZ_NODES_TOKEN", "").strip()
    return {"Authorization": f"Bearer {token}"} if token else {}


def patience() -> float:
    """PEZ_NODES_PATIENCE: seconds that a running job waits for a server that went away. 60 where it is not a number."""
    try:
        return float(os.environ.get("PEZ_NODES_PATIENCE", ""))
    except ValueError:
        return 60.0


def how_to_start(url: str) -> str:
    """What to do where no server answers at the address."""
    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK:
        return f"Start pez-nodes on {parts.hostname}, or set PEZ_NODES_URL to where it runs."
    try:
        port = parts.port or 80
    except ValueError:
        port = 8190
    return (
        f"Start it in a terminal: npx pez-nodes serve --port {port} (and leave it running). "
        "If it runs elsewhere, set PEZ_NODES_URL and restart ComfyUI."
    )
