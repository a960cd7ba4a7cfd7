// The studio when things go otherwise: stopped, reloaded, without its server, without the token, on a phone, in two tabs, with a long history.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { startTestServer } from '../helpers/server.ts';
import { type ServerProcess, startServerProcess } from '../helpers/server-process.ts';
import { describeInBrowser, launch, openPage, PATIENCE_MS, seriousFindings } from './browser.ts';
import { studioPage } from './studio-page.ts';

jest.setTimeout(PATIENCE_MS + 10_000);

describeInBrowser('the life of a studio', () => {
  let browser: Browser;
  let dataDir: string;
  let server: ServerProcess | undefined;

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'pez-studio-'));
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    await server?.close().catch(() => undefined);
    server = undefined;
    rmSync(dataDir, { recursive: true, force: true });
  });

  const start = async (options: object = {}) => {
    server = await startServerProcess({ dataDir, ...options });
    return server;
  };
  const open = async (url: string, options = {}) => {
    const opened = await openPage(browser, url, options);
    return { ...opened, studio: studioPage(opened.page) };
  };
  const ready = (page: Page) => page.getByRole('button', { name: 'Find the words' }).waitFor();

  test('a run is stopped; what was asked for after it goes on', async () => {
    const { url } = await start();
    const { page, studio } = await open(`${url}/studio`);
    await ready(page);
    await studio.beEndless();
    await studio.press('Find the words');
    await page.locator('pez-tokens[live]').waitFor(); // the best words so far
    await studio.tab('Draw');
    await studio.press('Draw it');
    await page.getByText('1 run before this one').waitFor();
    await page.getByText('2 runs').click();
    await page.getByRole('dialog', { name: 'Queue' }).getByRole('button', { name: 'Stop' }).click();
    await studio.drawn();
    await page.getByText('Idle').waitFor();
  });

  test('a reload in the middle of a run finds it again, and what it gives', async () => {
    const { url } = await start();
    const { page, studio } = await open(`${url}/studio`);
    await ready(page);
    await studio.beEndless();
    await studio.press('Find the words');
    await page.locator('pez-tokens[live]').waitFor();
    await page.reload();
    await page.locator('pez-tokens[live]').waitFor();
    await page.getByRole('progressbar').waitFor();
    await page.locator('pez-progress').getByRole('button', { name: 'Stop' }).click();
    await page.locator('pez-progress').waitFor({ state: 'detached' });
    await page.getByText('Idle').waitFor();
  });

  test('the server is killed and comes back: that is said, and everything goes on by itself', async () => {
    const first = await start();
    const { page, studio, watch } = await open(`${first.url}/studio`);
    await ready(page);
    await studio.press('Find the words');
    await page.locator('pez-tokens[live]').waitFor();
    await first.kill();
    await page.getByText(/The server does not answer/).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await start({ port: first.port });
    await page.getByText(/The server does not answer/).waitFor({ state: 'detached' });
    expect((await studio.found()).length).toBeGreaterThan(0); // the run began anew and ended
    await studio.drawn();
    expect(watch.errors).toEqual([]);
  });

  test('a server with a token: a form, a wrong token, the right one; it is in no address', async () => {
    const token = 'a-token-of-many-characters';
    const { url } = await start({ token });
    const { page } = await open(`${url}/studio?token=wrong`);
    await page.getByText('That is not this server’s token.').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByLabel('Token').fill('wrong again');
    await page.keyboard.press('Enter');
    await page.getByText('That is not this server’s token.').waitFor();
    await page.getByLabel('Token').fill(token);
    await page.keyboard.press('Enter');
    await ready(page);
    expect(page.url()).toBe(`${url}/studio`);
    await page.getByText('Idle').waitFor(); // the socket is let in, too
    await page.context().clearCookies();
    await page.getByRole('button', { name: 'Find the words' }).click();
    await page.getByRole('heading', { name: 'This server asks for its token' }).waitFor();
  });

  test('two tabs work beside each other: each has its own words and its own results', async () => {
    const { url } = await start();
    const one = await open(`${url}/studio`);
    const page = await one.page.context().newPage();
    await page.goto(`${url}/studio`);
    const other = studioPage(page);
    await ready(page);
    for (const [where, studio, word] of [
      [one.page, one.studio, 'rose'],
      [page, other, 'fish'],
    ] as const) {
      await studio.tab('Draw');
      await studio.press('Edit');
      await where.getByLabel('The prompt as text').fill(`a ${word}`);
      await studio.press('Use this text');
      await studio.press('Draw it');
    }
    await one.page.getByAltText('Drawn from: a rose').waitFor();
    await page.getByAltText('Drawn from: a fish').waitFor();
    expect(await one.page.getByAltText('Drawn from: a fish').count()).toBe(0);
  });

  test.each([390, 768, 1920])('at %i px nothing is cut off, and the one button is in sight', async (width) => {
    const { url } = await start();
    const height = width === 390 ? 844 : 900;
    const { page, studio } = await open(`${url}/studio`, {
      viewport: { width, height },
      hasTouch: width === 390,
      isMobile: width === 390,
    });
    await ready(page);
    const box = (await page.getByRole('button', { name: 'Find the words' }).boundingBox())!;
    expect(box.y + box.height).toBeLessThan(height);
    for (const name of ['Picture to prompt', 'Style', 'Blend', 'Swap a word', 'Shorten', 'Draw']) {
      await studio.tab(name);
      expect([name, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([name, width]);
    }
    expect(await seriousFindings(page)).toEqual([]);
  });

  test('without any network but this server: the page loads and works', async () => {
    const { url } = await start();
    const context = await browser.newContext();
    await context.route(/.*/, (route) => (route.request().url().startsWith(url) ? route.continue() : route.abort()));
    const page = await context.newPage();
    await page.goto(`${url}/studio`);
    await ready(page);
    expect(
      await page.evaluate("document.fonts.ready.then(() => [...document.fonts].some((f) => f.status === 'loaded'))"),
    ).toBe(true);
  });

  test('a thousand entries of history: they come as one scrolls, and scrolling stays smooth', async () => {
    const filled = await startTestServer({ dataDir });
    const url = filled.url;
    try {
      const graph = (text: string) => ({
        1: { class_type: 'CLIPLoader', inputs: { clip_name: 'pico-clip' } },
        2: { class_type: 'PromptWords', inputs: { clip: ['1', 0], prompt: text } },
        3: { class_type: 'LoadImage', inputs: { image: 'tiger.png' } },
        4: { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'x' } },
        5: { class_type: 'CLIPTextEncode', inputs: { text, clip: ['1', 0] } },
      });
      for (let i = 0; i < 1000; i++) await filled.post('/prompt', { prompt: graph(`tiger ${i % 7}`), extra_data: {} });
      while ((await filled.get('/prompt')).exec_info.queue_remaining > 0)
        await new Promise((resolve) => setTimeout(resolve, 200));
      const { page, studio } = await open(`${url}/studio`);
      await ready(page);
      await studio.history.first().waitFor();
      const report = (await page.evaluate(`new Promise((resolve) => {
        const times = [];
        let last = performance.now();
        const step = (now) => {
          times.push(now - last);
          last = now;
          scrollBy(0, 60);
          if (times.length < 600) return requestAnimationFrame(step);
          times.sort((a, b) => a - b);
          resolve({ median: times[300], p95: times[570], worst: times[599], y: scrollY });
        };
        requestAnimationFrame(step);
      })`)) as { median: number; p95: number; worst: number; y: number };
      process.stderr.write(`scrolling through 1,000 entries, ms a frame: ${JSON.stringify(report)}\n`);
      expect(await studio.history.count()).toBeGreaterThan(200);
      await page.getByLabel('Search the history by words').fill('tiger 3');
      await page.getByText('143 found').waitFor();
    } finally {
      for (const context of browser.contexts()) await context.close();
      await filled.close({ keep: true });
    }
  });

  test('first paint on a cold cache, and frames while a preview streams: reported', async () => {
    const { url } = await start();
    const { page, studio } = await open(`${url}/studio`);
    await ready(page);
    const paint = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime");
    await studio.beEndless();
    await studio.press('Find the words');
    await page.locator('pez-tokens[live]').waitFor();
    const frames = await page.evaluate(`new Promise((resolve) => {
      const times = [];
      let last = performance.now();
      const step = (now) => {
        times.push(now - last);
        last = now;
        if (times.length < 300) return requestAnimationFrame(step);
        times.sort((a, b) => a - b);
        resolve({ median: times[150], p95: times[285], worst: times[299] });
      };
      requestAnimationFrame(step);
    })`);
    process.stderr.write(
      `first contentful paint ${paint} ms; while a search streams, ms a frame: ${JSON.stringify(frames)}\n`,
    );
    expect(paint).toBeGreaterThan(0);
    await page.locator('pez-progress').getByRole('button', { name: 'Stop' }).click();
    await page.locator('pez-progress').waitFor({ state: 'detached' });
  });
});
