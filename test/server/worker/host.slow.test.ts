// The worker as a real child process: runs, crashes, kills, memory, interrupts (protocol: Interrupt and free).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionEvent } from '../../../schemas/events.ts';
import type { ApiGraph } from '../../../schemas/prompt.ts';
import { prepareDataFolders } from '../../../server/files/data-folders.ts';
import type { Job } from '../../../server/job.ts';
import { startWorkerHost, type WorkerHost, type WorkerHostOptions } from '../../../server/worker/host.ts';

const pack = join(import.meta.dirname, '../../fixtures/worker-pack');
const log: string[] = [];
let dataDir: string;
let host: WorkerHost;

function start(more: Partial<WorkerHostOptions> = {}): WorkerHost {
  return startWorkerHost({
    dataDir,
    packDirs: [pack],
    cache: 'classic',
    writeMetadata: true,
    onLog: (level, message) => log.push(`${level} ${message}`),
    ...more,
  });
}

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'worker-'));
  await prepareDataFolders(dataDir);
  host = start({ interruptGraceMs: 300, nodeArgs: ['--max-old-space-size=200'] });
});
afterAll(async () => {
  await host.stop();
  rmSync(dataDir, { recursive: true });
});

const LONG = 'a tiger cat in the snow, a house with a red roof, a blue car and a yellow flower under a smiling sun';

let count = 0;
const job = (prompt: ApiGraph): Job => ({
  promptId: `job${++count}`,
  prompt,
  outputsToExecute: Object.keys(prompt),
  extraData: {},
});
const single = (class_type: string, inputs = {}) => job({ 1: { class_type, inputs } });

/** Runs a job; `on` sees each event. */
async function run(what: Job, on: (event: ExecutionEvent) => void = () => undefined, on_: WorkerHost = host) {
  const events: ExecutionEvent[] = [];
  const outcome = await on_.run(what, (event) => {
    events.push(event);
    on(event);
  });
  return { outcome, events, types: events.map((e) => e.type), last: outcome.messages.at(-1)! };
}
const pid = async () => (await run(single('Pid'))).outcome.outputs['1'].text[0];

test('a job runs in another process and its events arrive in order', async () => {
  const { outcome, types } = await run(single('Echo', { text: 'hello' }));
  expect(outcome.outputs).toEqual({ 1: { text: ['hello'] } });
  expect(types).toEqual([
    'execution_start',
    'execution_cached',
    'progress_state',
    'executing',
    'executed',
    'progress_state',
    'execution_success',
  ]);
  expect(await pid()).toBe(host.pid);
  expect(host.pid).not.toBe(process.pid);
});

test('what the worker and its nodes write arrives in the log', async () => {
  await run(single('Print'));
  await until(() => log.includes('info to stdout') && log.includes('warn to stderr'));
});

test.each([
  ['Kill', 'WorkerKilled', /ended by SIGKILL, probably because the computer ran out of memory\. The next prompt/],
  ['Exit', 'WorkerExited', /exited with code 3/],
  ['ThrowLater', 'WorkerException', /thrown from a timer/],
  ['Eat', 'WorkerOutOfMemory', /ran out of memory/],
])(
  'a worker that dies in %s ends its job with %s, and the next job runs in a fresh one',
  async (type, name, message) => {
    const before = host.pid;
    const what = job({ a: { class_type: 'Echo', inputs: { text: 'x' } }, b: { class_type: type, inputs: {} } });
    const { outcome, last, events } = await run(what);
    expect(outcome.status).toBe('error');
    expect(last).toEqual([
      'execution_error',
      expect.objectContaining({
        prompt_id: what.promptId,
        node_id: 'b',
        node_type: type,
        executed: ['a'],
        exception_type: name,
        exception_message: expect.stringMatching(message),
      }),
    ]);
    expect(events.at(-1)).toEqual({ type: 'execution_error', data: last[1] });
    expect(outcome.outputs).toEqual({ a: { text: ['x'] } });
    expect(outcome.meta).toMatchObject({ a: { node_id: 'a', display_node: 'a' } });
    expect(outcome.messages.map(([t]) => t)).toEqual(['execution_start', 'execution_cached', 'execution_error']);
    expect(await pid()).not.toBe(before);
  },
);

test('kill -9 from outside, at five moments: every job gets an outcome, none hangs', async () => {
  for (let moment = 0; moment < 5; moment++) {
    const finished = run(single('Steps', { steps: 20 }));
    const killer = setTimeout(() => host.pid && process.kill(host.pid, 'SIGKILL'), moment * 30);
    const { outcome, last } = await finished;
    clearTimeout(killer);
    expect(['execution_success', 'execution_error']).toContain(last[0]);
    expect(outcome.messages[0][0]).toBe('execution_start');
  }
  expect((await run(single('Echo', { text: 'still here' }))).outcome.status).toBe('success');
});

test('an interrupt is seen between steps of a long computation, and the same worker goes on', async () => {
  const before = await pid();
  const what = single('Steps', { steps: 2000 });
  const { outcome, last } = await run(what, (e) => e.type === 'progress' && host.interrupt(what.promptId));
  expect(outcome.status).toBe('interrupted');
  expect(last).toEqual(['execution_interrupted', expect.objectContaining({ node_id: '1', node_type: 'Steps' })]);
  expect(await pid()).toBe(before);
});

test('a node that never lets the event loop run hears its interrupt when it moves its progress bar', async () => {
  const patient = start();
  try {
    const before = (await run(single('Pid'), undefined, patient)).outcome.outputs['1'].text[0];
    const busy = single('Busy');
    const { outcome, last } = await run(
      busy,
      (e) => e.type === 'progress' && patient.interrupt(busy.promptId),
      patient,
    );
    expect(outcome.status).toBe('interrupted');
    expect(last[1]).toMatchObject({ node_id: '1', node_type: 'Busy' });
    const next = await run(single('Steps', { steps: 30 }), undefined, patient);
    expect(next.outcome.status).toBe('success'); // it does not hear the interrupt of another
    expect(patient.pid).toBe(before);
  } finally {
    await patient.stop();
  }
});

test('a search for a prompt is interrupted between its steps, and its worker goes on', async () => {
  const patient = start(); // a busy machine may need longer than the 300 ms of the other host
  try {
    const before = (await run(single('Pid'), undefined, patient)).outcome.outputs['1'].text[0];
    const what = {
      ...job({
        clip: { class_type: 'CLIPLoader', inputs: { clip_name: 'pico-clip' } },
        distil: {
          class_type: 'DistilPrompt',
          inputs: { clip: ['clip', 0], text: LONG, seed: 1, steps: 1e6, restarts: 1 },
        },
        show: { class_type: 'PreviewAny', inputs: { source: ['distil', 0] } },
      }),
      outputsToExecute: ['show'],
    };
    let asked = false;
    const onEvent = (e: ExecutionEvent) => {
      if (e.type !== 'progress' || e.data.value < 3 || asked) return;
      asked = true;
      patient.interrupt();
    };
    const { outcome, last } = await run(what, onEvent, patient);
    expect(outcome.status).toBe('interrupted');
    expect(last[1]).toMatchObject({ node_id: 'distil', node_type: 'DistilPrompt' });
    expect((await run(single('Pid'), undefined, patient)).outcome.outputs['1'].text[0]).toBe(before);
  } finally {
    await patient.stop();
  }
});

test('with an id only that job is interrupted; without one whatever runs; nothing when idle', async () => {
  expect(host.interrupt()).toBe(false);
  const { outcome } = await run(single('Steps', { steps: 5 }), (e) => {
    if (e.type === 'executing') expect(host.interrupt('another')).toBe(false);
  });
  expect(outcome.status).toBe('success');
  const second = await run(single('Steps', { steps: 2000 }), (e) => e.type === 'progress' && host.interrupt());
  expect(second.outcome.status).toBe('interrupted');
});

test('a node that ignores its interrupt is ended with its process after the grace', async () => {
  const before = await pid();
  const { outcome, types } = await run(single('Deaf'), (e) => e.type === 'executing' && host.interrupt());
  expect(outcome.status).toBe('interrupted');
  expect(types.at(-1)).toBe('execution_interrupted');
  expect(await pid()).not.toBe(before);
});

test('a flood of progress and previews is thinned out', async () => {
  const { types } = await run(single('Flood', { count: 5000 }));
  expect(types.filter((t) => t === 'progress').length).toBeLessThan(100);
  expect(types.filter((t) => t === 'preview').length).toBeLessThan(100);
  expect(types.at(-1)).toBe('execution_success');
});

test('free with unload_models gives a fresh process, after the job that runs; free_memory keeps it', async () => {
  const before = await pid();
  host.free({ unloadModels: false, freeMemory: true });
  expect(await pid()).toBe(before);
  const { outcome } = await run(single('Steps', { steps: 20 }), (e) => {
    if (e.type === 'executing') host.free({ unloadModels: true, freeMemory: false });
  });
  expect(outcome.status).toBe('success');
  expect(await pid()).not.toBe(before);
});

test('free with unload_models replaces an idle worker at once', async () => {
  const before = (await pid()) as unknown as number;
  host.free({ unloadModels: true, freeMemory: false });
  expect(host.pid).not.toBe(before);
  await until(() => !alive(before));
  expect(await pid()).toBe(host.pid);
});

/** A host whose process still loads, with a job that waits for it. */
async function startWithWaitingJob(what: Job): Promise<{ starting: WorkerHost; ran: ReturnType<typeof run> }> {
  const starting = start();
  const ran = run(what, undefined, starting);
  await new Promise(setImmediate); // the job has been handed to the host, no process is ready in so short a time
  return { starting, ran };
}

test('a job that is interrupted while its worker still loads ends as interrupted, and the worker goes on', async () => {
  const what = single('Steps', { steps: 2000 });
  const { starting, ran } = await startWithWaitingJob(what);
  try {
    const loading = starting.pid;
    expect(starting.interrupt('another')).toBe(false);
    expect(starting.interrupt(what.promptId)).toBe(true);
    const { outcome, types } = await ran;
    expect([outcome.status, types[0], types.at(-1)]).toEqual([
      'interrupted',
      'execution_start',
      'execution_interrupted',
    ]);
    const next = await run(single('Pid'), undefined, starting);
    expect(next.outcome.outputs['1'].text).toEqual([loading]);
  } finally {
    await starting.stop();
  }
});

test('unload_models while a job waits for its worker: the job runs, then the worker is replaced', async () => {
  const { starting, ran } = await startWithWaitingJob(single('Pid'));
  try {
    const loading = starting.pid;
    starting.free({ unloadModels: true, freeMemory: false });
    expect(starting.pid).toBe(loading);
    expect((await ran).outcome.outputs['1'].text).toEqual([loading]);
    expect(starting.pid).not.toBe(loading);
    expect((await run(single('Pid'), undefined, starting)).outcome.outputs['1'].text).toEqual([starting.pid]);
  } finally {
    await starting.stop();
  }
});

test('unload_models while a worker loads and nothing waits: another one takes its place', async () => {
  const starting = start();
  try {
    const loading = starting.pid!;
    starting.free({ unloadModels: true, freeMemory: false });
    await until(() => !alive(loading));
    expect((await run(single('Pid'), undefined, starting)).outcome.outputs['1'].text).toEqual([starting.pid]);
    expect(starting.pid).not.toBe(loading);
  } finally {
    await starting.stop();
  }
});

test('stop while the worker still loads: the job that waits ends as interrupted, and no process is left', async () => {
  const { starting, ran } = await startWithWaitingJob(single('Echo', { text: 'x' }));
  const loading = starting.pid!;
  await starting.stop();
  expect((await ran).types).toEqual(['execution_start', 'execution_interrupted']);
  expect([starting.pid, alive(loading)]).toEqual([undefined, false]);
  starting.free({ unloadModels: true, freeMemory: true });
  expect(starting.pid).toBeUndefined();
});

test('each question whether it is ready starts a process if there is none; the answer is why it could not', async () => {
  const mended = join(dataDir, 'mended');
  const broken = `import { existsSync } from 'node:fs'; if (!existsSync(${JSON.stringify(mended)})) process.exit(7);`;
  const starting = start({ nodeArgs: ['--import', `data:text/javascript,${broken}`] });
  try {
    expect(await starting.ready()).toMatch(/could not start \(it exited with code 7\)/);
    expect(starting.pid).toBeUndefined();
    expect(await starting.ready()).toMatch(/could not start/);
    writeFileSync(mended, '');
    expect(await starting.ready()).toBeUndefined();
    expect((await run(single('Pid'), undefined, starting)).outcome.outputs['1'].text).toEqual([starting.pid]);
  } finally {
    await starting.stop();
  }
  expect(await starting.ready()).toMatch(/stopped/);
});

test('a process that is replaced while it loads is not one that could not start', async () => {
  const starting = start();
  try {
    const ready = starting.ready();
    starting.free({ unloadModels: true, freeMemory: false });
    expect(await ready).toBeUndefined();
  } finally {
    await starting.stop();
  }
});

test('a process that is too slow to load is ended, and that is what is said', async () => {
  const slow = start({ startTimeoutMs: 20 });
  try {
    expect(await slow.ready()).toMatch(
      /could not start \(it was ended by this server, because it was not ready after 0\.02 s\)/,
    );
  } finally {
    await slow.stop();
  }
});

test('a job whose process is gone is given back untold, if whoever runs it says so', async () => {
  const seen: object[] = [];
  const events: string[] = [];
  const kill = { ...job({ a: { class_type: 'Kill', inputs: {} } }), outputsToExecute: ['a'] };
  const lost = await host.run(
    kill,
    ({ type }) => events.push(type),
    (what) => seen.push(what) > 0,
  );
  expect(lost).toBeUndefined();
  expect(events).not.toContain('execution_error');
  const reason = expect.stringMatching(/ended by SIGKILL/);
  expect(seen).toEqual([{ began: true, mayHaveWritten: true, reason }]);
  const broken = start({ nodeArgs: ['--import', 'data:text/javascript,process.exit(1)'] });
  try {
    await broken.run(
      single('Echo', { text: 'x' }),
      ({ type }) => events.push(type),
      (what) => seen.push(what) > 0,
    );
    expect(seen[1]).toMatchObject({ began: false, mayHaveWritten: false });
  } finally {
    await broken.stop();
  }
});

test('a worker that cannot start is the error of each job, not a hang', async () => {
  const broken = start({ nodeArgs: ['--import', 'data:text/javascript,throw new Error("libmissing.so is missing")'] });
  try {
    for (let i = 0; i < 2; i++) {
      const { last, outcome } = await run(single('Echo', { text: 'x' }), undefined, broken);
      expect(outcome.messages.map(([type]) => type)).toEqual(['execution_start', 'execution_error']);
      expect(last[1]).toMatchObject({
        exception_type: 'WorkerNotStarted',
        exception_message: expect.stringContaining('libmissing.so is missing'),
      });
    }
  } finally {
    await broken.stop();
  }
});

test('stop ends a running job as interrupted, and later ones at once', async () => {
  const stopping = start();
  let stopped: Promise<void> | undefined;
  const { outcome } = await run(
    single('Deaf'),
    (e) => {
      if (e.type === 'executing') stopped = stopping.stop();
    },
    stopping,
  );
  expect(outcome.status).toBe('interrupted');
  await stopped;
  expect((await run(single('Echo', { text: 'x' }), undefined, stopping)).outcome.status).toBe('interrupted');
  expect(stopping.pid).toBeUndefined();
});

test('when its parent is killed, the worker dies too, even in the middle of a computation', async () => {
  const script = `
    import { startWorkerHost } from ${JSON.stringify(join(import.meta.dirname, '../../../server/worker/host.ts'))};
    const host = startWorkerHost(${JSON.stringify({ dataDir, packDirs: [pack], cache: 'none', clip: 'pico-clip' })});
    const job = { promptId: 'p', prompt: { 1: { class_type: 'Spin', inputs: {} } }, outputsToExecute: ['1'], extraData: {} };
    host.run(job, (e) => e.type === 'executing' && console.log(host.pid));
  `;
  const file = join(dataDir, 'parent.mts');
  writeFileSync(file, script);
  const parent = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(parent.stdout, 'data');
  const worker = Number(String(line));
  expect(alive(worker)).toBe(true);
  parent.kill('SIGKILL');
  await until(() => !alive(worker));
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A container without an init keeps the dead as zombies.
    return !/\) Z /.test(existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '');
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}
