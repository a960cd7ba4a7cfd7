"""ComfyUI's IMAGE, float [B, H, W, C] in [0, 1], ↔ PNG files.

The server's models look at bytes: it truncates 255 · value, as ComfyUI's own Save Image does. So nothing is lost by sending PNG.
"""

import hashlib
import io


def pictures_of(images) -> list:
    """An IMAGE, or one picture [H, W, C] → uint8 arrays [H, W, 3], in the batch's order. A fourth channel (alpha) is left out."""
    import numpy as np

    values = np.asarray(images.detach().cpu().float().numpy(), dtype=np.float32)
    values = values[None] if values.ndim == 3 else values
    if values.shape[-1] == 1:
        values = np.repeat(values, 3, axis=-1)
    values = np.nan_to_num(values[..., :3] * np.float32(255), nan=0.0, posinf=255.0, neginf=0.0)
    return list(np.clip(values, 0, 255).astype(np.uint8))


def name_of(picture) -> str:
    """A file name that depends on the pixels only: the same picture is sent once."""
    digest = hashlib.sha256(f"{picture.shape}".encode())
    digest.update(picture.tobytes())
    return f"{digest.hexdigest()[:40]}.png"


def to_png(picture) -> bytes:
    """A uint8 array [H, W, 3] → PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    return file.getvalue()


def to_image(files: list):
    """Pictures of one size, as files → IMAGE."""
    import numpy as np
    import torch
    from PIL import Image

    pictures = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=np.float32) / 255 for data in files]
    return torch.from_numpy(np.stack(pictures))
