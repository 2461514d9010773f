/**
 * The large sweep of damage: every kind of file in a data folder is repeatedly truncated, torn, overwritten and flipped
 * at random positions. `LONG_DAMAGES` sets how often per file, `LONG_SEED` the positions.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crashedFolder, damageAndAsk, type Outcome } from '../engines/embedded/honest-galleries.js'
import { seededRandom } from '../engines/embedded/vector-index/unit-vectors.js'
import { recordResult, setting } from '../support/long-report.js'

const damages = setting('LONG_DAMAGES', 150)
const seed = setting('LONG_SEED', 20_260_302)

test(`every answer is right or refused over ${damages} damages of each kind of file`, async (t) => {
  const startedAt = performance.now()
  const folder = await crashedFolder(t)
  const random = seededRandom(seed)
  const rows: Record<string, Record<Outcome, number>> = {}
  for (const file of folder.files) {
    // Undetectable truncation of a log is covered by `test/engines/embedded/damaged-files.test.ts`.
    if (file.endsWith('-wal')) continue
    const kind = file.replace(/[0-9]+T\S+Z-\w+/, 'ID').replace(/[0-9a-f]{16}(-[0-9a-f]+)?/, 'GALLERY')
    const outcomes = (rows[kind] ??= { refused: 0, said: 0, unharmed: 0 })
    for (let i = 0; i < damages; i++) outcomes[(await damageAndAsk(t, folder, file, random)).outcome]++
  }
  assert.ok(rows['alike.db']!.refused + rows['alike.db']!.said > 0)
  await recordResult('damage', {
    question: 'Is every answer right or refused if a file in the data folder is damaged?',
    facts: {
      'damages per file': damages,
      seed,
      seconds: Math.round((performance.now() - startedAt) / 1_000),
      'wrong answers': 0,
      crashes: 0,
    },
    table: {
      head: ['file', 'start refused', 'reported on access', 'harmless: not needed, or rebuilt'],
      rows: Object.entries(rows).map(([file, { refused, said, unharmed }]) => [`\`${file}\``, refused, said, unharmed]),
    },
  })
})
