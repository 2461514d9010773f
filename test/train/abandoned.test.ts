/** What killed processes left unfinished is removed; what others are writing stays. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { removeAbandoned, unfinishedName } from '../../src/train/abandoned.js'

/** Above the largest number that Linux gives. */
const ended = 2 ** 22 + 1

test('only what an ended process of this very host left is removed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'alike-abandoned-'))
  t.after(() => rm(folder, { recursive: true }))
  const left = [`.new-${hostname()}@${ended}`, `.new-${hostname()}@${ended}-3`]
  // another host's, whose name begins with that of this one
  const others = [unfinishedName('.new-'), `.new-${hostname()}-2@${ended}`, 'network']
  for (const name of [...left, ...others]) await mkdir(join(folder, name))
  await removeAbandoned(folder, '.new-')
  assert.deepEqual((await readdir(folder)).sort(), others.sort())
})
