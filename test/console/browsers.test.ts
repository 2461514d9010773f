/** The oldest browsers that the console is built for are those that its documentation names. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

test('the documentation names the browsers that the console is built for', async () => {
  const { default: config } = await import(pathToFileURL('src/console/vite.config.mjs').href)
  const [chrome, edge, firefox, safari] = (config.build.target as string[]).map((one) => one.replace(/^[a-z]+/, ''))
  assert.equal(edge, chrome)
  const text = await readFile('docs/console.md', 'utf8')
  assert.ok(text.includes(`Chrome and Edge from ${chrome}, Firefox from ${firefox}, Safari from ${safari};`))
})
