import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
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

test('every user may read what the set-up unpacks, also from archives that deny it', { skip }, async (t) => {
  const folder = await temporaryFolder(t)
  // packs any package as one file for its owner only
  const npm = `#!/bin/sh
while [ "$1" != --pack-destination ]; do shift; done
mkdir package && echo '{}' > package/package.json && chmod 700 package && chmod 600 package/package.json
tar -czf "$2/packed.tgz" package && rm -r package && echo packed.tgz\n`
  for (const [name, script] of Object.entries({ npm, python3: '#!/bin/sh\nexit 1\n' })) {
    await writeFile(join(folder, name), script)
    await chmod(join(folder, name), 0o755)
  }
  spawnSync(process.execPath, [setup], {
    cwd: folder,
    env: { ...process.env, PATH: [folder, process.env['PATH']].join(delimiter) },
  })
  const unpacked = join(folder, '.train/native.part/node_modules/google-protobuf')
  assert.equal((await stat(unpacked)).mode & 0o055, 0o055)
  assert.equal((await stat(join(unpacked, 'package.json'))).mode & 0o044, 0o044)
})
