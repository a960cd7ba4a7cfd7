"""A call of a node in ComfyUI: pictures to the server, the graph run there, what it showed back as values."""

import asyncio

from .host import Host

# Seconds between two looks at whether the user has cancelled; how many pictures are sent at once.
LOOK, AT_ONCE = 0.2, 4
SUBFOLDER = "comfyui"


class Call:
    """A call under way. ComfyUI runs one prompt at a time, and its sign of an interrupt is taken by one call only: that one tells the others."""

    running: set = set()

    def __init__(self):
        self._task = asyncio.current_task()
        self.is_cancelled = False

    def cancel(self) -> None:
        if not self.is_cancelled:
            self.is_cancelled = True
            self._task.cancel()

    @classmethod
    def cancel_all(cls) -> None:
        for call in list(cls.running):
            call.cancel()


async def run_node(name: str, info: dict, values: dict, node_id) -> tuple:
    """(ui, outputs in their order). Cancelling in ComfyUI cancels on the server. Raises PezNodesError with what to do."""
    host, call = Host(node_id), Call()
    Call.running.add(call)
    watcher = asyncio.ensure_future(_watch(host))
    try:
        return await _work(name, info, values, host)
    except asyncio.CancelledError:
        if not call.is_cancelled:
            raise  # ComfyUI ends its event loop, because another node failed
        host.raise_cancelled()
    except Exception as error:
        if host.is_interrupt(error):
            call.is_cancelled = True
            Call.cancel_all()
        raise
    finally:
        watcher.cancel()
        Call.running.discard(call)


async def _watch(host: Host) -> None:
    while not host.is_cancelled():
        await asyncio.sleep(LOOK)
    Call.cancel_all()


async def _work(name: str, info: dict, values: dict, host: Host) -> tuple:
    import aiohttp

    from .connection import TIMEOUT, Connection
    from .graph import NODE
    from .settings import auth_headers, server_url

    async with aiohttp.ClientSession(headers=auth_headers(), timeout=TIMEOUT) as session:
        connection = Connection(session, server_url())
        await connection.check()
        outputs = await _outputs(connection, host, name, info, values)
        # What the node shows beside its outputs: lists, as ComfyUI has them.
        ui = {key: shown for key, shown in outputs.get(NODE, {}).items() if isinstance(shown, list)}
        return ui, await _values(connection, info, outputs)


async def _outputs(connection, host: Host, name: str, info: dict, values: dict) -> dict:
    """Runs the graph; once more where the server came back with another data folder."""
    from .errors import UnknownJob
    from .graph import prompt_graph
    from .job import Job

    for attempt in (1, 2):
        uploads = await _upload_all(connection, info, values)
        job = Job(connection, host, prompt_graph(name, info, values, uploads))
        try:
            return await job.outputs()
        except UnknownJob:
            if attempt == 2:
                raise
        except BaseException:  # an error of ours, ComfyUI's interrupt, or the end of its event loop
            await job.cancel()
            raise


async def _upload_all(connection, info: dict, values: dict) -> dict:
    """Inputs of type IMAGE → names of their pictures on the server, in the batch's order."""
    from .images import pictures_of
    from .table import types_of

    limit = asyncio.Semaphore(AT_ONCE)
    names = {}
    for key, kind in types_of(info).items():
        if kind == "IMAGE" and values.get(key) is not None:
            pictures = await asyncio.to_thread(pictures_of, values[key])
            names[key] = await asyncio.gather(*(_upload(connection, picture, limit) for picture in pictures))
    return names


async def _upload(connection, picture, limit: asyncio.Semaphore) -> str:
    from .images import name_of, to_png

    async with limit:
        name = await asyncio.to_thread(name_of, picture)
        if await connection.has_file({"filename": name, "subfolder": SUBFOLDER, "type": "input"}):
            return f"{SUBFOLDER}/{name}"
        return await connection.upload(await asyncio.to_thread(to_png, picture), name, SUBFOLDER)


async def _values(connection, info: dict, outputs: dict) -> tuple:
    from .graph import shown_pictures, shown_texts, value_of
    from .images import to_image

    values = []
    for index, (kind, is_list) in enumerate(zip(info["output"], info["output_is_list"])):
        if kind == "IMAGE":
            files = [await connection.file(file) for file in shown_pictures(outputs, index)]
            values.append(to_image(files))
        else:
            shown = [value_of(kind, text) for text in shown_texts(outputs, index)]
            values.append(shown if is_list else shown[0])
    return tuple(values)
