/** From a model's folder to the serving model, and back, with the command and a real service. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setLines } from '../../src/cli/set-lines.js'
import type { Config } from '../../src/config/config.js'
import { startApp, temporaryFolder } from '../support/app.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { runCommand } from '../support/run-command.js'
import { answering } from '../support/scripted-server.js'
import { until } from '../support/until.js'

/** A gallery of eight pictures on the model `handmade`, the folder of another model, and the command. */
async function opened(t: TestContext, bounds: Partial<Config>) {
  const app = await startApp(t, bounds)
  const url = await app.listen()
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  for (const label of drawnLabels)
    for (let seed = 1; seed < 3; seed++) {
      const image = (await drawImage(label, seed)).toString('base64')
      await app.call(201, { method: 'PUT', url: `/v1/galleries/g/images/${label}${seed}`, payload: { image, label } })
    }
  const { folder } = await handmadeModel(t, { inputSize: 16, dimension: 12, name: 'twelve' })
  await mkdir(join(folder, 'work'))
  await writeFile(join(folder, 'work', 'weights.bin'), 'to go on from')
  const model = (...parameters: string[]) => runCommand('cli/model', [...parameters, '--url', url])
  return { app, folder, model, url }
}
const dimensionOf = async ({ call }: Awaited<ReturnType<typeof opened>>['app']) =>
  (await call(200, { url: '/v1/galleries/g' })).dimension

test('a model is installed, listed, built for a gallery, compared, switched to, and switched back', async (t) => {
  const { app, folder, model, url } = await opened(t, { gateOverlapMin: 0, gateMapLossMax: 1, gateRankLossMax: 1 })
  const installed = await model('install', folder)
  assert.equal(installed.code, 0, installed.output)
  assert.match(installed.output, /^twelve \([0-9a-f]{16}\) can be used by galleries\.\nnext: npm run model -- build/)
  assert.equal((await model('install', folder)).code, 0, 'repeating it changes nothing')
  const listed = await model('list')
  assert.match(listed.output, /^handmade \(.+\): cpu, fp32$/m)
  assert.match(listed.output, /^twelve \(.+\): /m)

  const built = await model('build', 'g', 'twelve')
  assert.equal(built.code, 0, built.output)
  assert.match(built.output, /^handmade \(.+\): serving, 8 pictures$/m)
  assert.match(built.output, /^twelve \(.+\): ready, 8 pictures$/m)
  assert.match(built.output, /^ {2}passed the quality gate against handmade, /m)
  assert.match(built.output, /^ {2}mAP@10 +[01]\.\d{3} → [01]\.\d{3} +[+−]/m)
  assert.ok(built.output.endsWith(`\nnext: npm run model -- switch g twelve --url ${url}\n`), 'the same service')
  assert.equal(await dimensionOf(app), 24, 'nothing has changed yet')
  const compared = await model('compare', 'g')
  assert.deepEqual([compared.code, built.output.includes(compared.output)], [0, true])

  const switched = await model('switch', 'g', 'twelve')
  assert.match(
    switched.output,
    /^twelve \(.+\) serves g: 8 pictures\.\nback, until .+: npm run model -- switch g handmade --url http:\S+$/m,
  )
  assert.equal(await dimensionOf(app), 12)
  assert.equal((await model('switch', 'g', 'handmade')).code, 0)
  assert.equal(await dimensionOf(app), 24)
})

test('a model that fails the gate is reported with reasons, and serves only by force', async (t) => {
  const { app, folder, model } = await opened(t, { gateMapLossMax: 0, gateRankLossMax: 0, gateCopiesLossMax: 0 })
  await model('install', folder)
  const built = await model('build', 'g', 'twelve')
  assert.equal(built.code, 1, built.output)
  assert.match(built.output, /^ {2}did not pass the quality gate against handmade, .+\n {2}\S.+ is allowed\.$/m)
  assert.match(built.output, /^next: npm run model -- switch g twelve --url \S+ --force$/m)
  const refused = await model('switch', 'g', 'twelve')
  assert.deepEqual([refused.code, await dimensionOf(app)], [1, 24])
  assert.match(refused.output, /^gate_not_passed: /)
  assert.equal((await model('switch', 'g', 'twelve', '--force')).code, 0)
  assert.equal(await dimensionOf(app), 12)
})

test('each impossible request prints one line: a folder without a model, an unknown gallery or model', async (t) => {
  const { model } = await opened(t, {})
  const rows: [parameters: string[], says: RegExp][] = [
    [['install', await temporaryFolder(t)], /^model_unreadable: .+ has no manifest\.json/],
    [['build', 'none', 'handmade'], /^gallery_not_found: /],
    [['build', 'g', 'none'], /^model_not_found: .*GET \/v1\/models lists/],
    [['switch', 'g', 'none'], /^(set|model)_not_found: /],
  ]
  for (const [parameters, says] of rows) {
    const { code, output } = await model(...parameters)
    assert.deepEqual([code, output.trim().split('\n').length], [1, 1], output)
    assert.match(output, says)
  }
  assert.equal((await model('build', 'g')).code, 2)
})

test('a kept set shows for how long, one in progress shows its job', () => {
  const set = { gallery: 'g', dimension: 4, engine: 'embedded', index: { pending: 0, building: false }, createdAt: '' }
  const lines = setLines(
    [
      { ...set, modelId: 'a', state: 'kept', count: 9, keptUntil: '2026-12-03T10:00:00.000Z' },
      { ...set, modelId: 'b', state: 'building', count: 3, job: 'j' },
    ],
    (id) => `model ${id}`,
  )
  assert.deepEqual(lines, [
    'model a (a): kept until 2026-12-03, 9 pictures',
    'model b (b): building, 3 pictures, job j is at it',
  ])
})

test('Ctrl-C while a set is built leaves the terminal as it was, and says that the job goes on', async (t) => {
  const progress = { id: 'j', kind: 're-embedding', state: 'running', total: 9, done: 1, secondsLeft: 4 }
  const { url, requests } = await answering(t, ({ url: path }, response) => {
    if (path!.endsWith('/events')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`event: progress\nid: 1\ndata: ${JSON.stringify(progress)}\n\n`)
    } else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(progress))
  })
  const command = new URL('../../src/cli/model.js', import.meta.url).href
  const typed = ['build', 'my gallery', 'twelve', '--url', url]
  const script = `process.stderr.isTTY = true; process.argv.splice(1, Infinity, ...${JSON.stringify(typed)}); await import(${JSON.stringify(command)})`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { timeout: 60_000 })
  let drawn = ''
  child.stderr.on('data', (text: Buffer) => void (drawn += text.toString()))
  await until(() => drawn.includes('1/9'), 'the first progress')
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'close'), [130, null], drawn)
  assert.ok(drawn.lastIndexOf('1/9') < drawn.indexOf('Job j'), 'the bar is not drawn again below the message')
  assert.match(drawn, /^Job j goes on without this command; DELETE \/v1\/jobs\/j cancels it\.$/m)
  assert.ok(drawn.includes(`npm run model -- compare 'my gallery' --url ${url}\n`))
  assert.ok(requests.every(({ method }) => method !== 'DELETE'))
})
