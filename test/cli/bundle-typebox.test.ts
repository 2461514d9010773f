import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const folder = (name: string) => new URL(`../../../${name}/typebox/`, import.meta.url)

async function packageIn(name: string): Promise<{ version: string; exports: Record<string, unknown> }> {
  return JSON.parse(await readFile(new URL('package.json', folder(name)), 'utf8'))
}

test('what is compiled finds every module of TypeBox in the bundle, which is of the installed version', async () => {
  const [bundle, installed] = [await packageIn('dist/node_modules'), await packageIn('node_modules')]
  assert.equal(bundle.version, installed.version)
  assert.deepEqual(Object.keys(bundle.exports), Object.keys(installed.exports))
  for (const path of Object.keys(installed.exports)) {
    const found = import.meta.resolve(`typebox${path.slice(1)}`)
    assert.ok(fileURLToPath(found).startsWith(fileURLToPath(folder('dist/node_modules'))), found)
    const exported = async (at: string) => Object.keys((await import(at)) as object).sort()
    const original = new URL((installed.exports[path] as { import: string }).import, folder('node_modules'))
    assert.deepEqual(await exported(found), await exported(original.href), path)
  }
})
