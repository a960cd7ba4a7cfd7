// The studio in a real browser, on a real server with real models: from the first visit to a picture, and words that can be touched.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { startTestServer, type TestServer } from '../helpers/server.ts';
import { describeInBrowser, giveFile, launch, openPage, PATIENCE_MS, seriousFindings, type Watch } from './browser.ts';
import { type StudioPage, studioPage } from './studio-page.ts';

jest.setTimeout(PATIENCE_MS + 10_000);

const dist = join(import.meta.dirname, '../../dist/web');
const example = (name: string) => readFileSync(join(import.meta.dirname, '../../examples', name));

test('what the page loads before it runs: at most 120 kB of scripts, compressed', () => {
  const scripts = readdirSync(join(dist, 'assets')).filter((name) => name.endsWith('.js.gz'));
  const bytes = scripts.reduce((sum, name) => sum + statSync(join(dist, 'assets', name)).size, 0);
  expect(scripts.length).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(120_000);
});

describeInBrowser('studio', () => {
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  let watch: Watch;
  let studio: StudioPage;

  beforeAll(async () => {
    [server, browser] = await Promise.all([startTestServer(), launch()]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  beforeEach(async () => {
    ({ page, watch } = await openPage(browser, `${server.url}/`));
    studio = studioPage(page);
    await page.getByRole('button', { name: 'Find the words' }).waitFor();
  });
  afterEach(async () => {
    await page.context().close();
    expect(watch).toEqual({ foreign: [], errors: [] }); // nothing of another origin, nothing that the policy refused
  });

  test('first visit: the tiger is there, one press finds its words and draws them; they are in the history after a reload', async () => {
    await page.getByRole('button', { name: /tiger.png/ }).waitFor();
    await studio.press('Find the words');
    await page.getByRole('progressbar').waitFor();
    const picture = await studio.drawn();
    const words = await studio.found();
    expect(words).toContain('tiger');
    expect(await page.getByText(/similar to the picture/).innerText()).toMatch(/^0\.\d{3} similar/);
    expect((await page.request.get(server.url + picture)).headers()['content-type']).toBe('image/png');
    await page.reload();
    expect(await studio.found()).toEqual(words);
    expect(await studio.drawn()).toBe(picture);
    expect(await studio.history.first().innerText()).toContain(words.slice(0, 3).join(' '));
    expect(await seriousFindings(page)).toEqual([]);
  });

  test('a word is swapped by its chip, the change is told before, the words are drawn anew, and undo brings the old ones back', async () => {
    await studio.tab('Draw');
    await studio.press('Draw it');
    const before = await studio.drawn();
    await studio.words.filter({ hasText: 'tiger' }).click();
    const near = page.getByRole('group', { name: /Nearest words/ }).getByRole('button');
    await near.first().waitFor();
    const [word, change] = (await near.first().innerText()).split(/\s+/);
    expect(change).toMatch(/^[+−]0\.\d{3}$/);
    expect(await seriousFindings(page)).toEqual([]);
    await near.first().click();
    expect(await studio.found()).toEqual(['a', word]);
    await studio.press('Draw it');
    await page.getByAltText(`Drawn from: a ${word}`).waitFor();
    expect(await studio.drawn()).not.toBe(before);
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    expect(await studio.found()).toEqual(['a', 'tiger']);
    expect(await studio.drawn()).toBe(before);
    await page.keyboard.press('Control+Shift+z');
    expect(await studio.found()).toEqual(['a', word]);
  });

  test('a picture comes by file, by drop and by paste; a hostile name and a hostile prompt stay text', async () => {
    const name = '<img src=x onerror=alert(1)>.png';
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: /tiger.png/ }).click();
    await (await chooser).setFiles({ name, mimeType: 'image/png', buffer: example('house.png') });
    await page.getByText(name, { exact: true }).waitFor();
    for (const [type, file] of [
      ['drop', 'guitar'],
      ['paste', 'butterfly'],
    ]) {
      const place =
        "document.querySelector('pez-studio').shadowRoot.querySelector('studio-inputs').shadowRoot.querySelector('pez-image-drop').shadowRoot";
      await page.evaluate(giveFile(place, type, example(`${file}.png`).toString('base64')));
      await page
        .getByText(new RegExp(`^${type}.*\\.png$`))
        .first()
        .waitFor();
    }
    await studio.tab('Draw');
    await studio.press('Edit');
    await page.getByLabel('The prompt as text').fill('<img src=x onerror=alert(2)> tiger');
    await studio.press('Use this text');
    expect((await studio.found()).join('')).toContain('onerror');
    await studio.press('Draw it');
    await studio.drawn();
    expect(await page.locator('img[src=x]').count()).toBe(0);
  });

  test('what is wrong is said at the input that is wrong, in the server’s words', async () => {
    await page.getByLabel('Length', { exact: true }).fill('500');
    await page.getByLabel('Length', { exact: true }).press('Enter');
    await studio.press('Find the words');
    const alert = page.locator('studio-settings').getByRole('alert');
    expect(await alert.innerText()).toBe('Value 500 bigger than max of 75');
    expect(await page.getByLabel('Length', { exact: true }).getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('Length', { exact: true }).fill('6');
    await page.getByLabel('Length', { exact: true }).press('Enter');
    expect(await alert.count()).toBe(0);
  });

  test.each(['light', 'dark'] as const)(
    'no state has a serious finding of axe-core: every task, models, queue, graph, history, %s',
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      for (const name of ['Picture to prompt', 'Style', 'Blend', 'Swap a word', 'Shorten', 'Draw']) {
        await studio.tab(name);
        expect([name, await seriousFindings(page)]).toEqual([name, []]);
      }
      await page.getByText('The graph behind this').click();
      await page.getByRole('button', { name: /Models/ }).click();
      expect(await seriousFindings(page)).toEqual([]);
    },
  );
});
