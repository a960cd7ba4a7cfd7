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
    /** Output nodes that cannot run for that. */
    dependent_outputs: z.array(z.string()),
    class_type: z.string(),
  }),
);

/** What a refused POST /prompt answers. */
export const promptRefusal = z
  .object({ error: promptError, node_errors: nodeErrors })
  .meta({ title: 'Answer of POST /prompt where nothing can run' });

/** What an accepted POST /prompt answers; `node_errors` are of outputs that were left out. */
export const promptAccepted = z
  .object({ prompt_id: z.string(), number: z.number(), node_errors: nodeErrors })
  .meta({ title: 'Answer of POST /prompt' });

/** Refusals of the jobs routes. */
export const plainError = z
  .object({ error: z.string(), invalid_ids: z.array(z.unknown()).optional() })
  .meta({ title: 'Refusal of the jobs routes' });

export type PromptError = z.infer<typeof promptError>;
export type NodeErrors = z.infer<typeof nodeErrors>;
