// The story pages: `#pez-tokens` shows that component in all its states, and below them the events that it fires.
import { html, render } from 'lit';
import { stories } from './stories.ts';

const nav = document.querySelector('nav') as HTMLElement;
const main = document.querySelector('main') as HTMLElement;
const fired: string[] = [];

function show(): void {
  const name = location.hash.slice(1) || Object.keys(stories)[0];
  render(
    Object.keys(stories).map(
      (key) => html`<a href=${`#${key}`} aria-current=${key === name ? 'page' : 'false'}>${key}</a>`,
    ),
    nav,
  );
  render(
    html`<h1>${name}</h1>
      ${(stories[name] ?? []).map(({ title, render: draw }) => html`<section aria-label=${title}><h2>${title}</h2>${draw()}</section>`)}
      <pre id="events">${fired.join('\n')}</pre>`,
    main,
  );
}

const EVENTS = 'select remove pin block move swap add choose draw position files interrupt'.split(' ');
for (const event of EVENTS)
  main.addEventListener(`pez-${event}`, ({ type, detail }: CustomEventInit & Event) => {
    const plain = detail?.files ? { files: detail.files.map((file: File) => file.name) } : detail;
    fired.push(`${type} ${JSON.stringify(plain ?? {})}`);
    show();
  });
addEventListener('hashchange', () => {
  fired.length = 0;
  render(html``, main);
  show();
});
show();
