/** How the console is bundled: relative addresses, so that it works below any path; hashed names, so that caches may keep it. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { defineConfig } from 'vite'

const folder = (path) => fileURLToPath(new URL(path, import.meta.url))
const outDir = folder('../../dist/console')

/** Beside each file its packed forms, which the service sends to browsers that take them. */
function packedForms() {
  const assets = join(outDir, 'assets')
  const pack = async (name) => {
    const bytes = await readFile(join(assets, name))
    await writeFile(join(assets, `${name}.gz`), await promisify(gzip)(bytes, { level: 9 }))
    await writeFile(
      join(assets, `${name}.br`),
      await promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
    )
  }
  return {
    name: 'packed-forms',
    closeBundle: async () => void (await Promise.all((await readdir(assets)).map(pack))),
  }
}

export default defineConfig({
  root: folder('.'),
  base: './',
  plugins: [packedForms()],
  build: {
    outDir,
    emptyOutDir: true,
    // the oldest that have all that is used and that no build can replace: dialogs that ask before the page is closed
    // (Chrome), `:has()` (Firefox), canvases off the page (Safari); docs/console.md names them
    target: ['chrome119', 'edge119', 'firefox121', 'safari16.4'],
    // small, and a style sheet that once failed to load would not be loaded again
    cssCodeSplit: false,
    // the page's policy allows no `data:` scripts, styles or fonts
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  logLevel: 'warn',
})
