import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { runToExit, startProcess } from '../support/service-process.js'

test('an invalid configuration ends the start with every problem in one sentence', async () => {
  const { code, output } = await runToExit({ PORT: 'eighty', PROVIDER: 'gpu' })
  assert.equal(code, 1)
  assert.match(output, /^config_invalid: .*PORT must be .*PROVIDER must be one of auto, cpu, cuda/)
})

test('data or a model that cannot be opened ends the start with its code', async (t) => {
  const [DATA_DIR, MODEL_DIR] = [await temporaryFolder(t), (await handmadeModel(t)).folder]
  const rows: [environment: Record<string, string>, code: string][] = [
    [{ MODEL_DIR: '/nowhere', DATA_DIR }, 'model_unreadable'],
    [{ MODEL_DIR, DATA_DIR, PROVIDER: 'auto', REQUIRE_CUDA: 'true' }, 'cuda_unavailable'],
    [{ MODEL_DIR, DATA_DIR: '/dev/null/data' }, 'data_unreadable'],
  ]
  for (const [environment, expected] of rows) {
    const { code, output } = await runToExit(environment)
    assert.deepEqual([code, output.includes(`${expected}: `)], [1, true], output)
  }
})

test('SIGTERM exits with 0, stored data is there at the next start, a second process is refused', async (t) => {
  const environment = { DATA_DIR: await temporaryFolder(t), MODEL_DIR: (await handmadeModel(t)).folder }
  const first = await startProcess(t, environment)
  const gallery = '/v1/galleries/kept'
  await fetch(`${first.address}${gallery}`, { method: 'PUT' })
  const put = await fetch(`${first.address}${gallery}/images/a`, {
    method: 'PUT',
    headers: { 'content-type': 'image/jpeg' },
    body: new Uint8Array(await drawImage('circle', 1)),
  })
  assert.equal(put.status, 201)

  const { code, output } = await runToExit(environment)
  assert.deepEqual([code, /data_unreadable: /.test(output)], [1, true], output)

  assert.equal(await first.stop('SIGTERM'), 0)
  assert.equal(first.log.at(-1)?.msg, 'stopped')

  const second = await startProcess(t, environment)
  assert.equal((await fetch(`${second.address}${gallery}/images/a`)).status, 200)
  assert.equal(await second.stop('SIGINT'), 0)
})
