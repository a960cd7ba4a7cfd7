// GET /system_stats, /features, and /ws without an upgrade (protocol: Server state; Feature flags).
import { freemem, totalmem } from 'node:os';
import type { Router } from 'express';
import type { FeatureFlags } from '../../../schemas/events.ts';
import type { ServerOptions } from '../../options.ts';
import { PROTOCOL_VERSION, versions } from '../../version.ts';
import { HttpError } from '../http-error.ts';
import { sendJson } from '../responses.ts';
import { createRouter } from '../router.ts';

/** What this server can do: the response of /features, and of the socket's handshake. */
export const serverFeatures = ({ maxUploadBytes }: Pick<ServerOptions, 'maxUploadBytes'>): FeatureFlags => ({
  supports_preview_metadata: true,
  max_upload_size: maxUploadBytes,
  extension: { manager: { supports_v4: true } },
  node_replacements: true,
  assets: false,
});

/** The one device of ComfyUI's that every machine has, as `--cpu` shows it: its memory is the machine's. */
const cpu = () => ({
  name: 'cpu',
  type: 'cpu',
  index: null,
  vram_total: totalmem(),
  vram_free: freemem(),
  torch_vram_total: totalmem(),
  torch_vram_free: freemem(),
});

/** `argv`: the command line as front ends may see it. */
export function systemRoutes({ features, argv }: { features: FeatureFlags; argv: readonly string[] }): Router {
  const { own, onnxruntime } = versions();
  return createRouter({
    'GET /ws': () => {
      throw new HttpError(400, 'Only WebSockets connect here: the request has no upgrade.');
    },
    'GET /features': (_req, res) => sendJson(res, features),
    'GET /system_stats': (_req, res) =>
      sendJson(res, {
        system: {
          os: process.platform,
          ram_total: totalmem(),
          ram_free: freemem(),
          // Front ends compare it with ComfyUI's releases; our own version is beside it.
          comfyui_version: PROTOCOL_VERSION,
          pez_nodes_version: own,
          // Required by front ends, which show them as text.
          python_version: `none (Node.js ${process.versions.node})`,
          pytorch_version: `none (onnxruntime ${onnxruntime})`,
          embedded_python: false,
          argv,
        },
        devices: [cpu()],
      }),
  });
}
