// How the studio and the story pages are built: `vite build web/studio` → dist/web, `vite web/stories` → a server for developers.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const folder = import.meta.dirname;
const outDir = join(folder, '../dist/web');

/** Writes `file.br` and `file.gz` beside every text file: the server sends them as they are. */
const precompress = (): Plugin => {
  let written = outDir;
  return {
    name: 'precompress',
    apply: 'build',
    configResolved(config) {
      written = config.build.outDir;
    },
    closeBundle() {
      for (const name of readdirSync(written, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(?:js|css|html|svg|webmanifest|txt)$/.test(name)) continue;
        const path = join(written, name);
        const bytes = readFileSync(path);
        const size = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: size }));
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
};

/** The licences of the fonts that the page brings along. */
const fontLicences = (): Plugin => ({
  name: 'font-licences',
  apply: 'build',
  generateBundle() {
    const read = (font: string) =>
      readFileSync(join(folder, `../node_modules/@fontsource-variable/${font}/LICENSE`), 'utf8');
    const source = ['inter', 'newsreader'].map((font) => `${font}\n\n${read(font)}`).join('\n\n');
    this.emitFile({ type: 'asset', fileName: 'fonts-licence.txt', source });
  },
});

export default defineConfig({
  base: '/studio/',
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'], // light-dark() stays as it is
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  plugins: [fontLicences(), precompress()],
  server: { host: '127.0.0.1', fs: { allow: [join(folder, '..')] } },
});
