import assert from 'node:assert/strict'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { RunClaim } from '../../src/train/run-claim.js'
import { temporaryFolder } from '../support/temporary-folder.js'

test('a save that fails because another process replaced the checkpoint meanwhile says so; any other failure stays', async (t) => {
  const path = join(await temporaryFolder(t), 'checkpoint.safetensors')
  const [ours, others] = [await RunClaim.of([path]), await RunClaim.of([path])]
  const save = async () => {
    await writeFile(`${path}.part`, 'weights')
    await rename(`${path}.part`, path)
  }
  await assert.rejects(
    ours.guard(() => rename(`${path}.part`, path)),
    { code: 'ENOENT' },
  )
  const overtaken = ours.guard(async () => {
    await others.guard(save)
    await rename(`${path}.part`, path) // the other one has renamed it
  })
  await assert.rejects(overtaken, { code: 'run_exists' })
})
