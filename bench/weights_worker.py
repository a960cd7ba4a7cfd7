"""The bench's process for diffusers on PyTorch: questions and answers are JSON, one a line."""

import json
import os
import resource
import sys
import time

os.environ |= {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1"}

import diffusers  # noqa: E402
import torch  # noqa: E402

diffusers.utils.logging.set_verbosity_error()
diffusers.utils.logging.disable_progress_bar()
torch.set_grad_enabled(False)


def load(path):
    """Until a small picture is drawn."""
    global pipe
    start = time.perf_counter()
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(path, local_files_only=True).to(torch.float32)
    pipe.set_progress_bar_config(disable=True)
    pipe("a red cat", width=64, height=64, num_inference_steps=1, guidance_scale=7.0, output_type="np")
    return {"seconds": time.perf_counter() - start}


def step(side):
    """The U-Net alone, with both rows of guidance."""
    latent = torch.randn(2, 4, side // 8, side // 8)
    states = torch.randn(2, 77, pipe.unet.config.cross_attention_dim)
    start = time.perf_counter()
    pipe.unet(latent, 500, encoder_hidden_states=states)
    return {"seconds": time.perf_counter() - start}


def memory():
    return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


print("{}", flush=True)
for line in sys.stdin:
    question = json.loads(line)
    arguments = {key: question[key] for key in ("path", "side") if key in question}
    print(json.dumps(globals()[question["do"]](**arguments)), flush=True)
