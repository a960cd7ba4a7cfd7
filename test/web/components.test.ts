// Each web component by itself, on its story page, in a real browser: what it shows, what it fires, keys and pointer.
import type { Browser, Page } from 'playwright-core';
import { describeInBrowser, giveFile, launch, openPage, seriousFindings, serveStories, type Watch } from './browser.ts';

describeInBrowser('components', () => {
  let stories: Awaited<ReturnType<typeof serveStories>>;
  let browser: Browser;
  let page: Page;
  let watch: Watch;

  beforeAll(async () => {
    [stories, browser] = await Promise.all([serveStories(), launch()]);
    ({ page, watch } = await openPage(browser, stories.url));
  });
  afterAll(async () => {
    await browser?.close();
    await stories?.close();
  });

  /** Shows a component anew, and gives the one of that story. */
  async function open(component: string, story: string, { width = 1280, dark = false } = {}) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
    await page.goto(`${stories.url}#`);
    await page.goto(`${stories.url}#${component}`);
    await page.getByRole('heading', { level: 1, name: component }).waitFor();
    return page.getByRole('region', { name: story }).locator(component);
  }
  afterEach(() => expect(watch).toEqual({ foreign: [], errors: [] }));
  const fired = async () => ((await page.locator('#events').textContent()) ?? '').split('\n').filter(Boolean);
  const option = (component: Awaited<ReturnType<typeof open>>, name: RegExp) => component.getByRole('option', { name });

  describe('pez-tokens', () => {
    test('keys reach every word and every action; a word is told with what it carries', async () => {
      const tokens = await open('pez-tokens', 'Words with what they carry');
      await option(tokens, /^tiger, carries 0.210/).focus();
      for (const key of ['ArrowRight', 'p', 'End', 'b', 'Home', 'Delete', 'Alt+ArrowRight'])
        await page.keyboard.press(key);
      await option(tokens, /^orange, carries 0.060, pinned/).focus();
      await page.keyboard.press('Enter');
      expect(await fired()).toEqual([
        'pez-pin {"index":1}',
        'pez-block {"index":3}',
        'pez-remove {"index":0}',
        'pez-move {"from":0,"to":1}',
        'pez-select {"index":1}',
      ]);
    });

    test('a click opens a word; its actions, a typed word and a near word are told', async () => {
      const tokens = await open('pez-tokens', 'A word is open');
      const near = tokens.getByRole('group', { name: /Nearest/ }).getByRole('button');
      expect(await near.allInnerTexts()).toEqual([
        expect.stringMatching(/leopard\s+−0.021/),
        expect.anything(),
        expect.stringMatching(/feline\s+\+0.004/),
      ]);
      await near.first().click();
      await tokens.getByLabel('Replace tiger with').fill('pig, rose');
      await tokens.getByRole('button', { name: 'Swap' }).click();
      for (const name of ['Pin', 'Block', 'Remove', 'Move right', 'Close'])
        await tokens.getByRole('button', { name }).click();
      await tokens.getByLabel('Add words').fill('snow');
      await page.keyboard.press('Enter');
      expect(await fired()).toEqual([
        'pez-swap {"index":0,"text":"leopard"}',
        'pez-swap {"index":0,"text":"pig, rose"}',
        'pez-pin {"index":0}',
        'pez-block {"index":0}',
        'pez-remove {"index":0}',
        'pez-move {"from":0,"to":1}',
        'pez-select {"index":-1}',
        'pez-add {"text":"snow"}',
      ]);
    });

    test('a word is dragged to another place, and that is no click', async () => {
      const tokens = await open('pez-tokens', 'Words with what they carry');
      await option(tokens, /^tiger/).dragTo(option(tokens, /^snowstorm/));
      expect(await fired()).toEqual(['pez-move {"from":0,"to":2}']);
      await option(tokens, /^flat/).click();
      expect((await fired()).at(-1)).toBe('pez-select {"index":3}');
    });

    test('tokens of a word are told apart; hostile and long words stay text inside the page', async () => {
      const tokens = await open('pez-tokens', 'Long and hostile words', { width: 390 });
      expect(await option(tokens, /<img src=x/).innerText()).toBe('<img src=x onerror=alert(1)>');
      expect(await tokens.locator('img').count()).toBe(0);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
      const pieces = page
        .getByRole('region', { name: 'Read only' })
        .getByRole('option', { name: /^snowstorm/ })
        .locator('.piece');
      expect(await pieces.allInnerTexts()).toEqual(['snow', 'storm']);
    });

    test('read only, nothing is fired', async () => {
      const tokens = await open('pez-tokens', 'Read only');
      await option(tokens, /^tiger/).click();
      for (const key of ['Delete', 'p', 'b', 'Enter', 'Alt+ArrowRight']) await page.keyboard.press(key);
      expect(await fired()).toEqual([]);
    });
  });

  test('pez-search-plot: says what it shows, draws restarts as faint lines, and follows a search that runs', async () => {
    const plot = await open('pez-search-plot', 'A finished search');
    expect(await plot.getByRole('img').getAttribute('aria-label')).toMatch(
      /^Similarity rose from 0.5\d\d to 0.8\d\d in 60 steps$/,
    );
    expect(await plot.locator('path.restart').count()).toBe(8);
    const running = page.getByRole('region', { name: /running search/ }).locator('pez-search-plot');
    const part = (await running.locator('path.best').boundingBox())!.width;
    const whole = (await running.locator('.chart').boundingBox())!.width;
    expect(part / whole).toBeCloseTo(19 / 119, 1); // it knows how long the search may take
    expect(await page.getByText('No search yet').count()).toBe(1);
  });

  test('pez-candidates: one is chosen, each can be chosen or drawn, markup stays text', async () => {
    const candidates = await open('pez-candidates', 'Candidates');
    const buttons = candidates.getByRole('button', { pressed: true });
    expect(await buttons.innerText()).toMatch(/0\.812\s+tiger cartoon orange stripes/);
    await candidates.getByText('bengal cat illustration growl').click();
    await candidates.getByRole('button', { name: /^Draw: <b>a prompt/ }).click();
    expect(await fired()).toEqual(['pez-choose {"index":1}', 'pez-draw {"index":2}']);
    expect(await candidates.locator('b').count()).toBe(0);
  });

  test('pez-compare: arrow keys and the pointer move the slider', async () => {
    const compare = await open('pez-compare', 'Two pictures');
    const slider = compare.getByRole('slider');
    await slider.focus();
    await page.keyboard.press('ArrowRight');
    expect(await slider.getAttribute('aria-valuetext')).toBe('51 % tiger.png');
    const box = (await slider.boundingBox())!;
    await page.mouse.click(box.x + box.width * 0.2, box.y + 20);
    const position = Number(/position":(\d+)/.exec((await fired()).at(-1) ?? '')?.[1]);
    expect(Math.abs(position - 20)).toBeLessThan(4);
  });

  test('pez-image-drop: a chosen, dropped or pasted file is told; an error is said', async () => {
    const drop = await open('pez-image-drop', 'Empty');
    const png = { name: 'a b.png', mimeType: 'image/png', buffer: Buffer.from('png') };
    const chooser = page.waitForEvent('filechooser');
    await drop.getByRole('button', { name: /choose/ }).click();
    await (await chooser).setFiles(png);
    for (const type of ['drop', 'paste'])
      await page.evaluate(giveFile("document.querySelector('pez-image-drop').shadowRoot", type));
    expect(await fired()).toEqual([
      'pez-files {"files":["a b.png"]}',
      'pez-files {"files":["drop.png"]}',
      'pez-files {"files":["paste.png"]}',
    ]);
    expect(await page.getByRole('alert').innerText()).toBe('notes.txt is not a picture.');
  });

  test('pez-progress: how far, how long still, and a button that stops it', async () => {
    const progress = await open('pez-progress', 'Half done');
    expect(await progress.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('60');
    expect(await progress.getByText('3 s left').count()).toBe(1);
    await progress.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect(await fired()).toEqual(['pez-interrupt {}', 'pez-interrupt {}']);
  });

  test.each(['light', 'dark'])('no component has a serious finding of axe-core, %s', async (colours) => {
    for (const name of ['tokens', 'search-plot', 'candidates', 'compare', 'image-drop', 'progress']) {
      await open(`pez-${name}`, '', { dark: colours === 'dark' });
      expect([name, await seriousFindings(page)]).toEqual([name, []]);
    }
  });
});
