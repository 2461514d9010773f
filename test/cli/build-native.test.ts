import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

test('an installation that was copied elsewhere needs no compiler', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'alike-copied-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  for (const part of [
    'package.json',
    'src/cli/build-native.mjs',
    'src/pixels/native',
    'src/engines/embedded/vector-index/native',
    'node_modules/hnswlib-node',
    'node_modules/node-addon-api',
  ])
    await cp(part, join(folder, part), { recursive: true })
  const built = () =>
    spawnSync(process.execPath, [join(folder, 'src/cli/build-native.mjs')], {
      encoding: 'utf8',
      env: { ...process.env, CXX: 'false' },
      cwd: folder,
    })
  assert.deepEqual([built().stderr, built().status], ['', 0])

  // without its builds it does
  await rm(join(folder, 'node_modules/hnswlib-node/build'), { recursive: true })
  assert.match(built().stderr, /No C\+\+ compiler/)
})
