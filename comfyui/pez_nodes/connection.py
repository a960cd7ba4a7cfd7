"""HTTP and WebSocket to the pez-nodes server, over the aiohttp that ComfyUI brings."""

import asyncio
import contextlib
import json

import aiohttp

from .errors import PezNodesError, Unreachable, refused

# Seconds: to connect, and between two pieces of an answer.
TIMEOUT = aiohttp.ClientTimeout(total=None, connect=5, sock_read=60)
# Pings, so that a peer that vanished without a word is noticed.
HEARTBEAT = 20.0
MAX_MESSAGE = 64 * 1024 * 1024
LOST = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, asyncio.TimeoutError, OSError)


class Connection:
    """One server, for the time of one call. Whatever cannot reach it raises Unreachable."""

    def __init__(self, session: aiohttp.ClientSession, url: str):
        self._session = session
        self.url = url

    @contextlib.asynccontextmanager
    async def _request(self, method: str, path: str, **options):
        try:
            async with self._session.request(method, self.url + path, allow_redirects=False, **options) as response:
                yield response
        except aiohttp.InvalidURL:
            raise PezNodesError(f"PEZ_NODES_URL is not an address: {self.url}") from None
        except LOST:
            raise Unreachable(self.url) from None

    async def json(self, method: str, path: str, body=None, accept=(200,)):
        """(status, parsed answer). Throws PezNodesError for a status that is not in accept."""
        async with self._request(method, path, json=body) as response:
            answer = _parse(await response.read())
            if response.status not in accept:
                raise refused(self.url, response.status, answer)
            return response.status, answer

    async def check(self) -> None:
        """Throws PezNodesError unless a pez-nodes server answers: ComfyUI itself would wait for its own queue for ever."""
        _, answer = await self.json("GET", "/system_stats")
        if not isinstance(answer, dict) or "pez_nodes_version" not in answer.get("system", {}):
            raise PezNodesError(f"What answers at {self.url} is no pez-nodes server. Set PEZ_NODES_URL to one and restart ComfyUI.")

    async def has_file(self, file: dict) -> bool:
        async with self._request("HEAD", "/view", params=file) as response:
            return response.status == 200

    async def upload(self, data: bytes, name: str, subfolder: str) -> str:
        """Puts a picture into the input folder, and returns its name for Load Image."""
        form = aiohttp.FormData()
        form.add_field("image", data, filename=name, content_type="image/png")
        form.add_field("subfolder", subfolder)
        form.add_field("overwrite", "true")
        async with self._request("POST", "/upload/image", data=form) as response:
            answer = _parse(await response.read())
            if response.status != 200:
                raise refused(self.url, response.status, answer)
            return f"{answer['subfolder']}/{answer['name']}"

    async def file(self, file: dict) -> bytes:
        """The bytes of {"filename", "subfolder", "type"}."""
        async with self._request("GET", "/view", params=file) as response:
            if response.status != 200:
                raise refused(self.url, response.status, _parse(await response.read()))
            return await response.read()

    @contextlib.asynccontextmanager
    async def socket(self, client_id: str):
        """A WebSocket that says it knows previews and text."""
        try:
            address = f"{self.url}/ws?clientId={client_id}"
            async with self._session.ws_connect(address, heartbeat=HEARTBEAT, max_msg_size=MAX_MESSAGE) as socket:
                await socket.send_json({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
                yield socket
        except aiohttp.WSServerHandshakeError as error:
            raise refused(self.url, error.status, error.message) from None
        except LOST:
            raise Unreachable(self.url) from None


def _parse(data: bytes):
    """JSON, or text where it is none."""
    text = data.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text
