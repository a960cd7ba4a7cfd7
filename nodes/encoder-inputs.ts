// What the loaders of text encoders share: inputs that only graphs made with ComfyUI have, and what is said of types that can't run here.
import { combo, optional } from './define-node.ts';

/** ComfyUI can choose the device of a text encoder; here the server's holds for all. */
export const encoderDevice = () =>
  optional(
    combo(['default', 'cpu'], {
      legacyCombo: true,
      advanced: true,
      tooltip: 'Only for graphs made with ComfyUI: models run on the device that the server was started with.',
    }),
  );

/** true, or why text encoders of this type can't be used. */
export const checkEncoderType = (type: unknown, known: readonly string[]): true | string =>
  type === undefined || known.includes(String(type))
    ? true
    : `text encoders of the type ${String(type).slice(0, 40)} are not CLIPs, or belong to models that cannot run here; ${known.join(' and ')} can.`;
