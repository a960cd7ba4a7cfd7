// Style and script of the page at `/`, which are written into the page: it needs no other file.
import { Html } from './html.ts';

export const pageStyle = new Html(`
:root { --back: #fbfaf8; --card: #fff; --text: #23211e; --soft: #6b665f; --line: #e4e0d9; --accent: #a5370f; --code: #f3f0ea }
@media (prefers-color-scheme: dark) {
  :root { --back: #171614; --card: #201f1c; --text: #ece8e1; --soft: #a39d93; --line: #36332e; --accent: #ff9a70; --code: #2a2825 }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 3rem; background: var(--back); color: var(--text);
  font: 16px/1.55 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { margin: 0; font-size: 2rem; letter-spacing: -.02em } h2 { margin: 0 0 .3rem; font-size: 1.15rem }
small { color: var(--soft); font-weight: 400; font-size: .8em }
p { margin: .2rem 0 .6rem } header p, footer, section > p { color: var(--soft) }
a { color: var(--accent); text-underline-offset: .15em } a:focus-visible, button:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.state { display: inline-block; padding: .25rem .75rem; border: 1px solid var(--line); border-radius: 99px; background: var(--card) }
section { margin: 1rem 0; padding: 1rem 1.2rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px }
code, pre { font: .86em/1.5 ui-monospace, monospace; background: var(--code); border-radius: 5px } code { padding: .1em .35em }
pre { margin: 0; padding: .8rem; white-space: pre-wrap; flex: 1; min-width: 0 }
.copy { display: flex; gap: .6rem; align-items: start; flex-wrap: wrap }
button { font: inherit; padding: .45rem .9rem; border: 1px solid var(--line); border-radius: 8px; background: var(--back); color: var(--text); cursor: pointer }
ul { margin: 0; padding: 0; list-style: none } .plain li { padding: .2rem 0 } .tags { display: flex; flex-wrap: wrap; gap: .4rem }
.nodes { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: .3rem 1.4rem }
.nodes li { padding: .45rem 0; border-top: 1px solid var(--line) } .nodes p { color: var(--soft); font-size: .92em; margin: .1rem 0 0 }
details { margin: .5rem 0 } summary { cursor: pointer; padding: .3rem 0; font-weight: 600 }
.nodes .bad { color: var(--accent) }
`);

export const pageScript = new Html(`
document.getElementById('origin').textContent = location.origin;
document.getElementById('copy').addEventListener('click', async (event) => {
  const text = document.getElementById('curl').textContent;
  try { await navigator.clipboard.writeText(text); event.target.textContent = 'Copied'; }
  catch { getSelection().selectAllChildren(document.getElementById('curl')); event.target.textContent = 'Selected'; }
  setTimeout(() => { event.target.textContent = 'Copy'; }, 2000);
});
setInterval(async () => {
  if (document.hidden) return;
  try {
    const { exec_info: info } = await (await fetch('/prompt')).json();
    document.getElementById('remaining').textContent = info.queue_remaining;
  } catch {}
}, 5000);
`);
