/** ONNX Runtime keeps an identifier of the machine, and what it has not sent yet, in the user's cache folder. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { temporaryFolder } from '../support/temporary-folder.js'

const file = JSON.stringify('onnx/har-lite0/model.int8.onnx')
const url = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url))

const uses = {
  'by the service': `
    const { Session } = await import(${url('embedding/session.js')})
    const settings = { modelPath: ${file}, inputSize: 224, provider: 'cpu', batchSizes: [1] }
    await (await Session.open(settings)).session.close()`,
  'by training': `
    const { openOnnx } = await import(${url('train/onnx/onnx-session.js')})
    await (await openOnnx(${file})).close()`,
}

for (const [name, script] of Object.entries(uses))
  test(`ONNX Runtime reports nothing to its maker when used ${name}`, async (t) => {
    const folder = await temporaryFolder(t)
    const [home, program] = [join(folder, 'home'), join(folder, 'use.mjs')]
    await mkdir(home)
    await writeFile(program, script)
    // The rest of the environment is left out, because the library is silent in CI anyway.
    const env = { PATH: process.env['PATH'], HOME: home, ORT_DISABLE_TELEMETRY: '0' }
    await promisify(execFile)(process.execPath, [program], { env })
    assert.deepEqual(await readdir(home, { recursive: true }), [])
  })
