// The studio as a person meets it: what tests say about it in one word each.
import type { Locator, Page } from 'playwright-core';

export interface StudioPage {
  /** Opens a task by its tab. */
  tab(name: string): Promise<void>;
  /** Presses a button by its name. */
  press(name: string | RegExp): Promise<void>;
  /** Makes the next searches short. */
  beQuick(): Promise<void>;
  /** Makes the next searches last until somebody stops them. */
  beEndless(): Promise<void>;
  /** The words as chips. */
  readonly words: Locator;
  /** Waits until the words of a finished search are there, and gives them. */
  found(): Promise<string[]>;
  /** Waits until a drawn picture is there, and gives its address. */
  drawn(): Promise<string>;
  readonly history: Locator;
}

export function studioPage(page: Page): StudioPage {
  const words = page.locator('studio-words').getByRole('option');
  const press = (name: string | RegExp) => page.getByRole('button', { name, exact: true }).first().click();
  /** Opens what is folded, and sets a field of PEZ Invert. */
  const set = async (label: string, value: string) => {
    const folded = page.locator('studio-settings details:not([open])');
    while ((await folded.count()) > 0) await folded.first().locator('summary').first().click();
    const field = page.getByRole('group', { name: 'PEZ Invert' }).getByLabel(label, { exact: true });
    await field.fill(value);
    await field.press('Enter');
  };
  return {
    words,
    press,
    history: page.locator('studio-history').getByRole('listitem'),
    async tab(name) {
      await page.getByRole('tab', { name }).click();
    },
    async beQuick() {
      await set('Steps', '4');
      await set('Polish', '0');
    },
    async beEndless() {
      await set('Steps', '1000000');
      await set('Early stop', '0');
    },
    async found() {
      await page.locator('studio-words pez-tokens:not([live])').waitFor();
      await words.first().waitFor();
      return words.evaluateAll((chips) => chips.map((chip) => String((chip as { innerText: string }).innerText)));
    },
    async drawn() {
      const picture = page.getByAltText(/^Drawn from/).first();
      await picture.waitFor();
      return (await picture.getAttribute('src')) ?? '';
    },
  };
}
