// More of what a person does in the studio: rows of swapped words, pins and blocks, pictures that carry their graph, the other tasks, the history.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { startTestServer, type TestServer } from '../helpers/server.ts';
import { describeInBrowser, giveFile, launch, openPage, PATIENCE_MS, seriousFindings, type Watch } from './browser.ts';
import { type StudioPage, studioPage } from './studio-page.ts';

jest.setTimeout(PATIENCE_MS + 10_000);

const example = (name: string) => readFileSync(join(import.meta.dirname, '../../examples', name));

describeInBrowser('work in the studio', () => {
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
    ({ page, watch } = await openPage(browser, `${server.url}/studio`));
    studio = studioPage(page);
    await page.getByRole('button', { name: 'Find the words' }).waitFor();
  });
  afterEach(async () => {
    await page.context().close();
    expect(watch).toEqual({ foreign: [], errors: [] });
  });

  test('several words in the place of one give a row of pictures', async () => {
    await studio.tab('Swap a word');
    await studio.words.filter({ hasText: 'flat' }).click();
    await page.getByLabel('Swap flat for').fill('round, red');
    await studio.press('Draw the row');
    for (const word of ['round', 'red'])
      await page.getByAltText(`Drawn from: a ${word} drawing of a butterfly`).waitFor();
  });

  test('pinned words stay in the next search, blocked ones do not come back', async () => {
    await studio.beQuick();
    await studio.press('Find the words');
    const [first, second] = await studio.found();
    await studio.words.nth(1).click();
    await page.getByRole('button', { name: 'Pin', exact: true }).click();
    await studio.words.first().click();
    await page.getByRole('button', { name: 'Block', exact: true }).click();
    await page.getByRole('button', { name: `Allow ${first} again` }).waitFor();
    await studio.press('Find the words again');
    await page.locator('pez-progress').waitFor();
    await page.locator('pez-progress').waitFor({ state: 'detached' });
    const words = await studio.found();
    expect(words[0]).toBe(second);
    expect(words).not.toContain(first);
  });

  test('a drawn picture that is dropped on the page opens its task with its settings', async () => {
    await studio.tab('Draw');
    await page.getByLabel('Seed', { exact: true }).fill('42');
    await page.getByLabel('Seed', { exact: true }).press('Enter');
    await studio.press('Draw it');
    await page.locator('pez-progress').waitFor({ state: 'detached' });
    const png = await (await page.request.get(server.url + (await studio.drawn()))).body();
    await studio.tab('Blend');
    await page.evaluate(giveFile("document.querySelector('pez-studio').shadowRoot", 'drop', png.toString('base64')));
    await page.getByRole('tab', { name: 'Draw', selected: true }).waitFor();
    expect(await page.getByLabel('Seed', { exact: true }).inputValue()).toBe('42');
    expect(await studio.found()).toEqual(['a', 'tiger']);
  });

  test('two pictures are blended with weights, and the prompt is drawn', async () => {
    await studio.tab('Blend');
    await page.getByLabel('Weight of picture 1, as a number').fill('0.25');
    await page.getByLabel('Weight of picture 1, as a number').press('Enter');
    expect(await page.getByRole('slider', { name: 'Weight of picture 1' }).inputValue()).toBe('0.25');
    await studio.press('Blend them');
    await studio.drawn();
    const words = await studio.found();
    const { prompt } = Object.values(await server.get('/history?max_items=1'))[0] as {
      prompt: [number, string, Record<string, { class_type: string; inputs: Record<string, unknown> }>];
    };
    const blend = Object.values(prompt[2]).find((node) => node.class_type === 'PromptBlend');
    expect(blend?.inputs).toMatchObject({ image_weight_1: 0.25, image_weight_2: 1 });
    await studio.press('Compare');
    await page.getByRole('slider', { name: 'Where the two pictures meet' }).waitFor();
    expect(words.length).toBeGreaterThan(0);
  });

  test('several pictures give one prompt for their style; a picture more is part of it', async () => {
    await studio.tab('Style');
    await studio.beQuick();
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: /^Add pictures/ }).click();
    await (await chooser).setFiles([{ name: 'fourth.png', mimeType: 'image/png', buffer: example('tiger.png') }]);
    await page.getByText('fourth.png', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Take out picture 1' }).click();
    await studio.press('Find their style');
    await studio.found();
    expect(await page.getByRole('button', { name: /Picture \d: / }).count()).toBe(3);
    await studio.press('Draw these words');
    await page.getByRole('tab', { name: 'Draw', selected: true }).waitFor();
    await studio.drawn();
  });

  test('a long prompt becomes a short one', async () => {
    await studio.tab('Shorten');
    await page
      .getByLabel('The long prompt')
      .fill('a small blue house with a red roof that stands in the deep green forest');
    await page.getByLabel('Length', { exact: true }).fill('4');
    await page.getByLabel('Length', { exact: true }).press('Enter');
    await studio.press('Shorten it');
    const words = await studio.found();
    expect(words.join(' ')).toMatch(/house|roof|forest|blue|red|green/);
  });

  test('the history is searched by words, two of it are compared, one is opened again, one is deleted', async () => {
    await studio.tab('Draw');
    for (const prompt of ['a red rose', 'a blue fish']) {
      await studio.press('Edit');
      await page.getByLabel('The prompt as text').fill(prompt);
      await studio.press('Use this text');
      await studio.press('Draw it');
      await studio.history.filter({ hasText: prompt }).waitFor();
    }
    await page.getByLabel('Search the history by words').fill('ROSE a');
    await page.getByText('1 found').waitFor();
    await page.getByLabel('Search the history by words').fill('');
    for (const prompt of ['a red rose', 'a blue fish'])
      await studio.history.filter({ hasText: prompt }).first().getByRole('button', { name: 'Compare' }).click();
    const dialog = page.getByRole('dialog', { name: 'Compare two results' });
    await dialog.getByRole('slider').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Close' }).click();
    const rose = studio.history.filter({ hasText: 'a red rose' }).first();
    await rose.getByRole('button', { name: /a red rose$/ }).click();
    expect(await studio.found()).toEqual(['a', 'red', 'rose']);
    await rose.hover();
    await rose.getByRole('button', { name: 'Delete' }).click();
    await rose.waitFor({ state: 'detached' });
    await page.reload();
    await studio.history.filter({ hasText: 'a blue fish' }).first().waitFor();
    expect(await studio.history.filter({ hasText: 'a red rose' }).count()).toBe(0);
  });

  test('the graph behind a task is drawn, and saved as it would run', async () => {
    await page.getByText('The graph behind this').click();
    const drawing = page.getByRole('img', { name: /^The graph of Picture to prompt: .*PEZ Invert/ });
    await drawing.waitFor();
    const download = page.waitForEvent('download');
    await studio.press('Save the graph');
    const graph = JSON.parse(readFileSync(await (await download).path(), 'utf8'));
    expect((await server.post('/prompt', { prompt: graph })).status).toBe(200);
    await page.getByText('pez-nodes serve --front-end').waitFor(); // there is no graph editor here
  });

  test('by keyboard alone: the tab, the word, the swap, the button', async () => {
    await page.getByRole('tab', { name: 'Picture to prompt' }).focus();
    await page.keyboard.press('ArrowLeft');
    await page.getByRole('tab', { name: 'Draw', selected: true }).waitFor();
    await studio.words.first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.keyboard.type('penguin');
    await page.keyboard.press('Enter');
    expect(await studio.found()).toEqual(['a', 'penguin']);
    await page.keyboard.press('Control+Enter');
    await page.getByAltText('Drawn from: a penguin').waitFor();
    await studio.words.last().focus();
    await page.keyboard.press('Delete');
    await studio.words.nth(1).waitFor({ state: 'detached' });
    await page.keyboard.press('Delete'); // the focus has gone to the word before
    await page.getByLabel('The prompt as text').waitFor();
  });
});
