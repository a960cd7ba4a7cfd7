"""Names and shapes -> a .safetensors file, one tensor in memory at a time."""

import json
import math
import struct

import torch

DTYPES = {torch.float16: "F16", torch.float32: "F32", torch.int64: "I64"}


def write(path, tensors, metadata=None):
    """`tensors`: name -> (dtype, shape, function that makes it). The file appears under its name when it is complete."""
    header, offset = {}, 0
    for name, (dtype, shape, _) in tensors.items():
        end = offset + math.prod(shape) * dtype.itemsize
        header[name] = {"dtype": DTYPES[dtype], "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    if metadata:
        header["__metadata__"] = metadata
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, (dtype, shape, make) in tensors.items():
            tensor = make()
            assert tuple(tensor.shape) == tuple(shape), (name, tensor.shape, shape)
            file.write(tensor.to(dtype).contiguous().numpy().tobytes())
    partial.rename(path)
    print(f"{path}: {len(tensors)} tensors, {path.stat().st_size / 2**30:.2f} GiB")
