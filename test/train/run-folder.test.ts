import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { expectUnused, makeFolder } from '../../src/train/run-folder.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const runs: [what: string, file: string, says: RegExp][] = [
  [
    'a network',
    'out/mine/manifest.json',
    /It is the network .*out\/mine: there is no run in .*work\/mine to resume, --force .*--name/,
  ],
  ['a run that was stopped', 'work/mine/checkpoint.safetensors', /It is a run in .*work\/mine: --resume/],
]
for (const [what, file, says] of runs) {
  test(`${what} of the same name is overwritten only on request`, async (t) => {
    const folder = await temporaryFolder(t)
    const run = { name: 'mine', out: join(folder, 'out'), work: join(folder, 'work') }
    const plain = { ...run, resume: false, exportOnly: false, force: false }
    await expectUnused(plain)
    await mkdir(join(folder, file, '..'), { recursive: true })
    await writeFile(join(folder, file), '{}')
    await assert.rejects(expectUnused(plain), { code: 'run_exists', message: says })
    for (const said of ['exportOnly', 'force'] as const) await expectUnused({ ...plain, [said]: true })
    await expectUnused({ ...plain, name: 'other' })
  })
}

test('a folder of something else is never replaced by a network', async (t) => {
  const folder = await temporaryFolder(t)
  const run = { name: 'photos', out: folder, work: join(folder, 'work') }
  const forced = { ...run, resume: false, exportOnly: false, force: true }
  await mkdir(join(folder, 'photos'))
  await expectUnused(forced)
  await writeFile(join(folder, 'photos/a.jpg'), '')
  await writeFile(join(folder, 'notes'), '')
  for (const name of ['photos', 'notes'])
    await assert.rejects(expectUnused({ ...forced, name }), { code: 'run_exists', message: /is no network/ })
})

test('a network does not take the place of the checkpoints of its run', async (t) => {
  const folder = await temporaryFolder(t)
  const run = { name: 'mine', resume: false, exportOnly: false, force: false }
  await symlink(folder, join(folder, 'link'))
  for (const work of ['', '/', '/below/..', '/mine', '/mine/runs', '/link', '/link/mine/runs'])
    await assert.rejects(
      expectUnused({ ...run, out: folder, work: `${folder}${work}` }),
      { code: 'folder_unwritable', message: /--work/ },
      work,
    )
  for (const work of ['below', 'mine2', '..mine', '..'])
    await expectUnused({ ...run, out: folder, work: join(folder, work) })
})

test('a run is resumed beside its own network; a network without a run is not overwritten by one that starts anew', async (t) => {
  const folder = await temporaryFolder(t)
  const run = { name: 'mine', out: join(folder, 'out'), work: join(folder, 'work') }
  const resumed = { ...run, resume: true, exportOnly: false, force: false }
  await expectUnused(resumed)
  await mkdir(join(folder, 'out/mine'), { recursive: true })
  await writeFile(join(folder, 'out/mine/manifest.json'), '{}')
  await assert.rejects(expectUnused(resumed), { code: 'run_exists' })
  await mkdir(join(folder, 'work/mine'), { recursive: true })
  await writeFile(join(folder, 'work/mine/checkpoint.safetensors'), '')
  await expectUnused(resumed)
  await assert.rejects(expectUnused({ ...resumed, resume: false }), { message: /--resume continues it/ })
})

test('a folder that cannot be created is refused before the run', async (t) => {
  const folder = await temporaryFolder(t)
  await makeFolder(join(folder, 'a/b'))
  await makeFolder(join(folder, 'a/b'))
  await writeFile(join(folder, 'file'), '')
  await assert.rejects(makeFolder(join(folder, 'file/b')), { code: 'folder_unwritable', message: /file\/b cannot be/ })
  if (process.platform === 'linux') await assert.rejects(makeFolder('/proc/alike/a'), { code: 'folder_unwritable' })
})
