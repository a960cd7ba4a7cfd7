// A real browser for the tests of the page: Debian's Chromium where it is, otherwise the tests are skipped and say why.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const root = join(import.meta.dirname, '../..');
const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = PLACES.find((path) => path && existsSync(path));

/** `describe` where there is a browser; elsewhere a skipped one, with the reason printed. */
export const describeInBrowser: typeof describe = ((name: string, tests: () => void) => {
  if (executablePath) return describe(name, tests);
  process.stderr.write(`${name}: skipped, there is no Chromium (looked for ${PLACES.filter(Boolean).join(', ')}).\n`);
  return describe.skip(name, tests);
}) as typeof describe;

/** What a page did that it must not do. */
export interface Watch {
  /** Requests to other origins than the page's. */
  readonly foreign: string[];
  /** Errors of scripts, and what the policy refused. */
  readonly errors: string[];
}

export interface OpenPage {
  readonly page: Page;
  readonly watch: Watch;
}

/** For what models compute on a busy machine, ms. An idle one takes a few seconds. */
export const PATIENCE_MS = 170_000;

/** As root, Chromium runs without its sandbox only; the pages are ours. */
export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });

/** A page in a context of its own, watched from its first request on. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const watch = watchPage(page, url);
  await page.goto(url);
  return { page, watch };
}

export function watchPage(page: Page, url: string): Watch {
  const { host } = new URL(url);
  const watch: Watch = { foreign: [], errors: [] };
  page.on('request', (request) => {
    const target = new URL(request.url());
    if (!['blob:', 'data:'].includes(target.protocol) && target.host !== host) watch.foreign.push(request.url());
  });
  page.on('pageerror', (error) => watch.errors.push(String(error)));
  page.on('console', (message) => {
    // A refused or failed request is said by the page; what scripts do wrong and what the policy refuses is an error.
    if (message.type() === 'error' && !/Failed to load resource|WebSocket/.test(message.text()))
      watch.errors.push(message.text());
  });
  return watch;
}

/** A script that drops or pastes a file on the first button below `root`, an expression; `base64`: its bytes. */
export const giveFile = (root: string, type: string, base64 = ''): string => `{
  const bytes = Uint8Array.from(atob('${base64}'), (c) => c.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], '${type}.png', { type: 'image/png' }));
  const init = { bubbles: true, composed: true, cancelable: true };
  const event = '${type}' === 'drop'
    ? new DragEvent('drop', { ...init, dataTransfer: data })
    : new ClipboardEvent('paste', { ...init, clipboardData: data });
  (${root}).querySelector('button').dispatchEvent(event);
}`;

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly target: unknown; readonly failureSummary: string }[];
}

/** What axe-core finds that is serious or critical, as lines to read. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe); // through the debugger: the page's own policy stays as it is
  const findings = (await page.evaluate('axe.run().then(({ violations }) => violations)')) as Finding[];
  return findings
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} ${JSON.stringify(target)} ${failureSummary}`),
    );
}

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/** Builds the story pages and serves them on loopback. */
export async function serveStories(): Promise<{ url: string; close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'pez-stories-'));
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  const options = ['--config', 'web/vite.config.ts', '--base', '/', '--outDir', folder, '--logLevel', 'error'];
  const built = spawnSync(process.execPath, [vite, 'build', 'web/stories', ...options], {
    cwd: root,
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(built.stderr);
  const server: Server = createServer((request, response) => {
    const path = join(folder, normalize(new URL(request.url ?? '/', 'http://x').pathname));
    const file = path.endsWith('/') ? join(path, 'index.html') : path;
    if (!existsSync(file)) return void response.writeHead(404).end();
    response
      .writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' })
      .end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
