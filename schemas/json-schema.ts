// Everything that crosses a boundary as JSON Schema (draft 2020-12), from the same source as the types.
// The server serves it at /schemas/<name>.json.
import { z } from 'zod';
import {
  v2Asset,
  v2AssetReference,
  v2Error,
  v2Job,
  v2JobList,
  v2Output,
  v2PreviewEvent,
  v2Progress,
  v2StatusEvent,
  v2Workflow,
} from './api-v2.ts';
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
  'v2-job': v2Job,
  'v2-job-list': v2JobList,
  'v2-workflow': v2Workflow,
  'v2-output': v2Output,
  'v2-asset': v2Asset,
  'v2-asset-reference': v2AssetReference,
  'v2-error': v2Error,
  'v2-event-status': v2StatusEvent,
  'v2-event-progress': v2Progress,
  'v2-event-preview': v2PreviewEvent,
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
