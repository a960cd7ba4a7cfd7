// Everything that crosses a boundary as JSON Schema (draft 2020-12), from the same source as the types.
// The server serves it at /schemas/<name>.json.
import { z } from 'zod';
import { plainError, promptAccepted, promptRefusal } from './errors.ts';
import { executionMessages, featureFlags, logsEvent, statusEvent } from './events.ts';
import { history, queue, queueInfo } from './history.ts';
import { job, jobCancelled, jobDetail, jobList } from './jobs.ts';
import { manifest } from './manifest.ts';
import { nodeInfo } from './node-info.ts';
import { apiGraph, promptRequest } from './prompt.ts';
import {
  cancelJobsRequest,
  freeRequest,
  interruptRequest,
  logSubscription,
  newUser,
  removal,
  settings,
} from './requests.ts';
import { uiGraph } from './template.ts';

/** Data of every JSON message of the socket, by its type. */
const events = { status: statusEvent, ...executionMessages, logs: logsEvent, feature_flags: featureFlags };

/** Name → schema. A new boundary type needs one line here. */
export const boundaries: Readonly<Record<string, z.ZodType>> = {
  'prompt-graph': apiGraph,
  'prompt-request': promptRequest,
  'node-info': nodeInfo,
  'object-info': z.record(z.string(), nodeInfo).meta({ title: 'GET /object_info' }),
  manifest,
  template: uiGraph,
  queue,
  'queue-info': queueInfo,
  history,
  job: job.meta({ title: 'A job' }),
  'job-detail': jobDetail.meta({ title: 'GET /api/jobs/{id}' }),
  'job-list': jobList,
  'job-cancelled': jobCancelled,
  'prompt-accepted': promptAccepted,
  'prompt-refusal': promptRefusal,
  error: plainError,
  removal,
  'interrupt-request': interruptRequest,
  'free-request': freeRequest,
  'cancel-jobs-request': cancelJobsRequest,
  'log-subscription': logSubscription,
  settings,
  'new-user': newUser,
  ...Object.fromEntries(
    Object.entries(events).map(([type, schema]) => [
      `event-${type.replaceAll('_', '-')}`,
      schema.meta({ title: `Data of the message ${type}` }),
    ]),
  ),
};

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Name → JSON Schema of what may be sent (defaults may be left out). */
export const jsonSchemas: Readonly<Record<string, JsonSchema>> = Object.fromEntries(
  Object.entries(boundaries).map(([name, schema]) => [
    name,
    { $id: `/schemas/${name}.json`, ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) },
  ]),
);
