// Takes the pictures of docs/images/studio-*.webp: `npm run build && npx tsx docs/take-screenshots.ts [states]`. It needs Chromium, and the studio's server.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';

const root = join(import.meta.dirname, '..');
const images = join(root, 'docs/images');
const sizes = [
  [1440, 900],
  [1024, 768],
  [390, 844],
] as const;

/** What is shown: a name, and how one comes to it. */
const states: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  first: async () => undefined,
  found: async (page) => {
    await page.getByRole('button', { name: 'Find the words' }).click();
    await page
      .getByAltText(/^Drawn from/)
      .first()
      .waitFor();
  },
  word: async (page) => {
    await states.found(page);
    await page.locator('studio-words pez-tokens:not([live])').waitFor(); // the search is over, its words can be opened
    await page.getByRole('option').first().click();
    await page
      .getByRole('group', { name: /^Nearest words/ })
      .getByRole('button')
      .first()
      .waitFor();
  },
  blend: async (page) => {
    await page.getByRole('tab', { name: 'Blend' }).click();
    await page.getByRole('button', { name: 'Blend them' }).click();
    await page
      .getByAltText(/^Drawn from/)
      .first()
      .waitFor();
  },
  swap: async (page) => {
    await page.getByRole('tab', { name: 'Swap a word' }).click();
    await page.getByRole('button', { name: 'Draw the row' }).click();
    await page.getByAltText(/rose$/).first().waitFor();
  },
};

/** Starts the built server on a free port; its address, and how to end it. */
async function startServer(): Promise<{ url: string; stop(): void }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'pez-shots-'));
  const server = spawn(process.execPath, ['dist/cli/main.js', 'serve', '--port', '0', '--data-dir', dataDir], {
    cwd: root,
  });
  const stop = () => {
    server.kill('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  };
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(String(chunk)) ?? [];
      if (found) resolve(found);
    };
    server.stdout.on('data', read);
    server.stderr.on('data', read);
    server.once('exit', () => reject(new Error('The server did not start: run npm run build.')));
  });
  return { url, stop };
}

async function shoot(browser: Browser, url: string, state: string, colorScheme: 'light' | 'dark'): Promise<void> {
  for (const [width, height] of sizes) {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme,
      reducedMotion: 'reduce',
      hasTouch: width < 500,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(120_000);
    await page.goto(`${url}/studio`);
    await page.getByRole('button', { name: 'Find the words' }).waitFor();
    await states[state](page);
    await page.mouse.move(0, 0);
    await page.locator('pez-progress').waitFor({ state: 'detached' });
    await page.evaluate('document.fonts.ready');
    const png = await page.screenshot();
    await sharp(png)
      .webp({ quality: 86 })
      .toFile(join(images, `studio-${state}-${width}-${colorScheme}.webp`));
    await context.close();
  }
}

mkdirSync(images, { recursive: true });
const server = await startServer();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  const wanted = process.argv.slice(2);
  for (const state of wanted.length > 0 ? wanted : Object.keys(states))
    for (const colorScheme of ['light', 'dark'] as const) await shoot(browser, server.url, state, colorScheme);
} finally {
  await browser.close();
  server.stop();
}
