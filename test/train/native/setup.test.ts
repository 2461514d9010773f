import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../../support/temporary-folder.js'

const setup = fileURLToPath(new URL('../../../src/train/native/setup.js', import.meta.url))
const skip = process.platform === 'linux' && process.arch === 'x64' ? false : 'the set-up is for x86-64 Linux'

test('a set-up that fails leaves the build of older versions as it is', { skip }, async (t) => {
  const folder = await temporaryFolder(t)
  const native = join(folder, '.train/native')
  await mkdir(native, { recursive: true })
  await writeFile(join(native, 'ready.json'), '"older versions"')
  const npm = join(folder, 'npm')
  await writeFile(npm, '#!/bin/sh\nexit 1\n')
  await chmod(npm, 0o755)
  const { status, stderr } = spawnSync(process.execPath, [setup], {
    cwd: folder,
    env: { ...process.env, PATH: [folder, process.env['PATH']].join(delimiter) },
    encoding: 'utf8',
  })
  assert.deepEqual([status, stderr.trim()], [1, 'npm ended with status 1.'])
  assert.equal(await readFile(join(native, 'ready.json'), 'utf8'), '"older versions"')
})
