// What a browser sees that comes without the token: a form that takes it. It runs no script.
import { Html, html } from './html.ts';

/** The studio's colours: it is what comes next. */
const style = new Html(`
:root { color-scheme: light dark }
* { box-sizing: border-box }
body { display: grid; place-items: center; min-height: 90vh; margin: 0; padding: 24px; background: light-dark(#faf8f4, #161513);
  color: light-dark(#1f1d1a, #ece8e1); font: 15px/1.5 system-ui, sans-serif }
main { width: min(100%, 400px) }
h1 { margin: 0 0 8px; font: 400 28px/1.2 Georgia, serif }
p { margin: 0 0 20px; color: light-dark(#655f56, #aaa398) }
.wrong { color: light-dark(#ad3f0c, #ff9d6f) }
label { display: block; margin-bottom: 6px; font-weight: 600 }
input, button { width: 100%; min-height: 44px; padding: 8px 12px; border: 1px solid light-dark(#918a7d, #7b7468); border-radius: 9px;
  background: light-dark(#fff, #211f1c); color: inherit; font: inherit }
button { margin-top: 12px; border: 0; background: light-dark(#ad3f0c, #ff9d6f); color: light-dark(#fff, #1d120b); font-weight: 600; cursor: pointer }
:focus-visible { outline: 2px solid light-dark(#ad3f0c, #ff9d6f); outline-offset: 2px }
`);

/** `path`: where the form leads; `isWrong`: a token was given, but not this server's. */
export const renderTokenPage = ({ path, isWrong, nonce }: { path: string; isWrong: boolean; nonce: string }): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>pez-nodes: token</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${style}</style>
</head>
<body>
<main><h1>This server asks for its token</h1>
<p class="${isWrong ? 'wrong' : ''}">${isWrong ? 'That is not this server’s token.' : 'Whoever started the server has it.'}</p>
<form method="get" action="${path}"><label for="token">Token</label>
<input id="token" name="token" type="password" required autofocus autocomplete="current-password">
<button>Open</button></form></main>
</body>
</html>
`.text;
