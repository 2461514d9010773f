/** Patterns for names of galleries. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { searchedGalleries } from '../../src/http/searched-galleries.js'
import { processorMs } from '../support/processor-time.js'

/** Those of these galleries that match. */
function matching(pattern: string, names: readonly string[]): Promise<string[]> {
  return searchedGalleries([pattern], names, undefined).catch(() => [])
}

test('a star stands for any characters, also for none', async () => {
  const names = ['a', 'a.b', 'aXb', 'ab', 'aba', 'b']
  const rows: [pattern: string, matches: string[]][] = [
    ['*', names],
    ['**', names],
    ['a*', ['a', 'a.b', 'aXb', 'ab', 'aba']],
    ['*b', ['a.b', 'aXb', 'ab', 'b']],
    ['a*b', ['a.b', 'aXb', 'ab']],
    ['a*.*b', ['a.b']],
    ['a*a', ['aba']],
    ['*a*a*', ['aba']],
    ['ab*ba', []],
    ['*ab*b*', []],
    ['A*', []],
  ]
  for (const [pattern, matches] of rows) assert.deepEqual(await matching(pattern, names), matches, pattern)
})

test('a pattern of many stars takes no longer than others', async () => {
  const names = Array.from({ length: 100 }, (_, i) => `${'a'.repeat(60)}${i}`)
  const work = async () => assert.deepEqual(await matching(`${'*a'.repeat(31)}*b`, names), [])
  assert.ok((await processorMs(work)) < 1_000)
})
