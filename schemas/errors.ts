// Errors of POST /prompt, in ComfyUI's shapes (protocol: Validation errors).
import { z } from 'zod';

/** Of the whole prompt, or of one input. `extra_info.input_name`: the slot that a front end marks. */
export const promptError = z.object({
  type: z.string(),
  message: z.string(),
  details: z.string(),
  extra_info: z.looseObject({}),
});

export const nodeErrors = z.record(
  z.string(),
  z.object({
    errors: z.array(promptError).min(1),
    /** Output nodes that cannot run because of it. */
    dependent_outputs: z.array(z.string()),
    class_type: z.string(),
  }),
);

/** The response of a refused POST /prompt. */
export const promptRefusal = z
  .object({ error: promptError, node_errors: nodeErrors })
  .meta({ title: 'Response of POST /prompt if nothing can run' });

/** The response of an accepted POST /prompt; `node_errors` belong to outputs that were left out. */
export const promptAccepted = z
  .object({ prompt_id: z.string(), number: z.number(), node_errors: nodeErrors })
  .meta({ title: 'Response of POST /prompt' });

/** Refusals of the jobs routes. */
export const plainError = z
  .object({ error: z.string(), invalid_ids: z.array(z.unknown()).optional() })
  .meta({ title: 'Refusal of the jobs routes' });

export type PromptError = z.infer<typeof promptError>;
export type NodeErrors = z.infer<typeof nodeErrors>;
