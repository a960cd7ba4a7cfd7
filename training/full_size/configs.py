"""The true sizes of the models, as modules without memory ("meta" device)."""

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

L_TEXT = dict(
    vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
    max_position_embeddings=77, hidden_act="quick_gelu", projection_dim=768, bos_token_id=49406, eos_token_id=49407,
)  # fmt: skip
L_VISION = dict(
    hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=224, patch_size=14,
    hidden_act="quick_gelu", projection_dim=768,
)  # fmt: skip
H_TEXT = {**L_TEXT, "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
H_TEXT |= {"hidden_act": "gelu", "projection_dim": 1024}
H_VISION = {**L_VISION, "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32}
H_VISION |= {"hidden_act": "gelu", "projection_dim": 1024}
BIGG_TEXT = {**L_TEXT, "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20}
BIGG_TEXT |= {"hidden_act": "gelu", "projection_dim": 1280}

VAE = dict(
    block_out_channels=(128, 256, 512, 512), down_block_types=("DownEncoderBlock2D",) * 4,
    up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4, layers_per_block=2, sample_size=512,
)  # fmt: skip
SD15 = dict(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
XL = dict(
    sample_size=128, cross_attention_dim=2048, attention_head_dim=(5, 10, 20), block_out_channels=(320, 640, 1280),
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), transformer_layers_per_block=(1, 2, 10),
    use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=256,
    projection_class_embeddings_input_dim=2816,
)  # fmt: skip


def on_meta(make):
    with torch.device("meta"):
        return make()


def unet(config):
    return on_meta(lambda: UNet2DConditionModel(**config))


def vae():
    return on_meta(lambda: AutoencoderKL(**VAE))


def text(config, projection=False):
    kind = CLIPTextModelWithProjection if projection else CLIPTextModel
    return on_meta(lambda: kind(CLIPTextConfig(**config)))


def clip(text_config, vision_config):
    config = CLIPConfig(text_config=text_config, vision_config=vision_config, projection_dim=text_config["projection_dim"])
    return on_meta(lambda: CLIPModel(config))
