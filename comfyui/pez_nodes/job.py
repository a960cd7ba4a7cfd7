"""One prompt graph on the server: handed in once, followed to its end, also over a restart of the server, and cancelled with ComfyUI."""

import asyncio
import json
import struct
import time
import uuid

import aiohttp

from .connection import Connection
from .errors import PezNodesError, Unreachable, UnknownJob, invalid_graph, sentence
from .graph import NODE
from .host import Host
from .settings import how_to_start, patience

# Binary frames of the server's WebSocket.
TEXT_FRAME, PREVIEW_FRAME = 3, 4
# Seconds between two looks at a server that is gone, and at a job that nothing is heard of; the most that a goodbye may take.
PAUSE, LOOK, GOODBYE = 0.5, 20.0, 3.0


class Job:
    """graph: a prompt graph whose node NODE is the one that the user sees."""

    def __init__(self, connection: Connection, host: Host, graph: dict):
        self._connection = connection
        self._host = host
        self._graph = graph
        # A name of our own: a graph that was sent twice, because the answer was lost, still runs once.
        self._id = str(uuid.uuid4())
        self._client_id = uuid.uuid4().hex
        self._sent = False

    async def outputs(self) -> dict:
        """What its nodes showed, by their ids. Throws PezNodesError where it failed, Unreachable where the server stays away."""
        lost_at = None
        while True:
            try:
                async with self._connection.socket(self._client_id) as socket:
                    entry = await self._resume()
                    lost_at = None
                    return self._read(entry or await self._follow(socket))
            except Unreachable:
                if not self._sent:
                    raise
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at > patience():
                    raise
                url = self._connection.url
                self._host.text(f"The pez-nodes server at {url} is gone; the job goes on when it is back. {how_to_start(url)}")
                await asyncio.sleep(PAUSE)

    async def cancel(self) -> None:
        """Takes it from the server, whatever its state. A server that does not answer is left alone."""
        if not self._sent:
            return
        try:
            await asyncio.wait_for(self._connection.json("POST", f"/api/jobs/{self._id}/cancel", {}), GOODBYE)
        except (PezNodesError, asyncio.TimeoutError):
            pass

    async def _resume(self):
        """Hands the graph in unless the server has it, and returns its entry in the history if it has ended."""
        if not self._sent:
            await self._send()
            return None
        if await self._is_gone():
            raise UnknownJob("The pez-nodes server came back without its queue.")
        return await self._ended()

    async def _is_gone(self) -> bool:
        status, _ = await self._connection.json("GET", f"/api/jobs/{self._id}", accept=(200, 404))
        return status == 404

    async def _send(self) -> None:
        body = {"prompt": self._graph, "prompt_id": self._id, "client_id": self._client_id}
        self._sent = True  # even if the answer is lost
        try:
            status, answer = await self._connection.json("POST", "/prompt", body, accept=(200, 400))
        except PezNodesError as error:
            self._sent = isinstance(error, Unreachable)
            raise
        error = answer.get("error") if isinstance(answer, dict) else None
        if status == 400 or answer.get("node_errors"):
            if not (isinstance(error, dict) and error.get("type") == "invalid_prompt_id"):
                self._sent = status == 200
                raise invalid_graph(answer if isinstance(answer, dict) else {"error": {"message": answer}}, self._graph)
        self._host.text("In the queue of the pez-nodes server")

    async def _follow(self, socket) -> dict:
        """Shows what the server tells, and returns the entry in the history."""
        looked = time.monotonic()
        async for message in socket:
            if time.monotonic() - looked > LOOK:
                looked = time.monotonic()
                if await self._is_gone():
                    raise PezNodesError("The job was removed from the queue of the pez-nodes server.")
            if message.type == aiohttp.WSMsgType.BINARY:
                self._show(message.data)
            elif message.type == aiohttp.WSMsgType.TEXT:
                event = json.loads(message.data)
                data = event.get("data") or {}
                if data.get("prompt_id") != self._id:
                    continue
                if event["type"] == "progress" and data.get("node") == NODE:
                    self._host.progress(data["value"], data["max"])
                elif event["type"] == "executing" and data.get("node") is None:
                    entry = await self._ended()
                    if entry is not None:
                        return entry
        raise Unreachable(self._connection.url)

    def _show(self, frame: bytes) -> None:
        (kind, length), rest = struct.unpack(">II", frame[:8]), frame[8:]
        if kind == TEXT_FRAME and rest[:length].decode() == NODE:
            self._host.text(rest[length:].decode("utf-8", "replace"))
        elif kind == PREVIEW_FRAME:
            about = json.loads(rest[:length])
            if about.get("node_id") == NODE and about.get("prompt_id") == self._id:
                self._host.preview(rest[length:])

    async def _ended(self):
        _, answer = await self._connection.json("GET", f"/history/{self._id}")
        return answer.get(self._id)

    def _read(self, entry: dict) -> dict:
        kind, data = entry["status"]["messages"][-1]
        if kind == "execution_success":
            return entry["outputs"]
        if kind == "execution_interrupted":
            raise PezNodesError("The job was cancelled on the pez-nodes server.")
        raise PezNodesError(str(data.get("exception_message", "")).strip() or sentence(data))
