// Bodies of the small requests: queue, history, interrupt, free, jobs, logs, settings, users (protocol: Routes).
import { z } from 'zod';

/** POST /queue and POST /history: removes all entries, or those with these prompt ids. */
export const removal = z
  .looseObject({ clear: z.boolean().optional(), delete: z.array(z.string()).optional() })
  .meta({ title: 'Body of POST /queue and POST /history' });

/** POST /interrupt: without a prompt id, the running prompt is meant, whichever it is. */
export const interruptRequest = z
  .looseObject({ prompt_id: z.string().nullish() })
  .meta({ title: 'Body of POST /interrupt' });

export const freeRequest = z
  .looseObject({ unload_models: z.boolean().optional(), free_memory: z.boolean().optional() })
  .meta({ title: 'Body of POST /free' });

export const cancelJobsRequest = z
  .looseObject({ job_ids: z.array(z.string().min(1)) })
  .meta({ title: 'Body of POST /api/jobs/cancel' });

export const logSubscription = z
  .looseObject({ clientId: z.string(), enabled: z.boolean() })
  .meta({ title: 'Body of PATCH /internal/logs/subscribe' });

/** Setting → value: comfy.settings.json, and the body of POST /settings. */
export const settings = z.record(z.string(), z.unknown()).meta({ title: 'Settings of a user' });

export const newUser = z.looseObject({ username: z.string() }).meta({ title: 'Body of POST /users' });
