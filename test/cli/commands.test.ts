/** What all commands must offer at a terminal, and the commands that no other test runs as a process. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer, request } from 'node:http'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ApiKeys, makeKey, parseKeys } from '../../src/access/api-keys.js'
import { messageOf, serviceWords } from '../../src/command-line.js'
import { readSplitImages } from '../../src/datasets/split-images.js'
import { recordOf } from '../../src/datasets/split-record.js'
import { startApp, temporaryFolder } from '../support/app.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { runCommand } from '../support/run-command.js'
import { answering, refuse } from '../support/scripted-server.js'
import { runToExit } from '../support/service-process.js'
import { until } from '../support/until.js'

const commands = [
  ...['cli/backup', 'cli/restore', 'cli/make-key', 'cli/evaluate', 'cli/ingest', 'cli/model'],
  ...['train/main', 'train/onnx/foreign/main', 'train/onnx/precisions/main', 'train/pairs/main', 'train/report/main'],
  'train/native/setup',
]

/** Whom no permission stops. */
const asRoot = process.getuid?.() === 0

for (const name of commands) {
  test(`${name} --help prints its usage and exits with 0`, async () => {
    const { code, output } = await runCommand(name, ['--help'])
    assert.equal(code, 0)
    assert.match(output, /^Usage: (npm run|npx node) /)
  })

  test(`${name} with an unknown option names it in one line and exits with 2`, async () => {
    const { code, output } = await runCommand(name, ['--nope', 'x'])
    assert.equal(code, 2)
    assert.match(output, /^error: unknown option '--nope'.*--help lists the options\)\n$/)
  })
}

for (const [name, ...given] of [
  ['cli/backup', '--to', 'a.tar'],
  ['cli/ingest', 'folder', '--gallery', 'g'],
  ['cli/model', 'list'],
  ['cli/evaluate', '--data', 'folder'],
] as const) {
  test(`${name} takes a key or a file that contains one, not both`, async () => {
    const { code, output } = await runCommand(name, [...given, '--key', 'k', '--key-file', 'f'])
    assert.deepEqual([code, /cannot be used with option '--key <key>'/.test(output)], [2, true], output)
  })
}

test('a variable that the shell does not know is told as such, whatever follows it', async () => {
  const rows: [says: RegExp, name: string, ...parameters: string[]][] = [
    [/option '--key <key>' argument missing/, 'cli/ingest', 'folder', '--key', '--gallery', 'g'],
    [/option '--to <file>' argument missing/, 'cli/backup', '--to', '--keep'],
    [/option '--key <key>' argument is empty/, 'cli/backup', '--key', '', '--to', 'a.tar'],
    [/option '--data <folder>' argument is empty/, 'train/main', '--data', ''],
    [/option '--to <file>' argument is empty/, 'cli/backup', '--to='],
    [/an argument is empty/, 'cli/restore', '', '--data-dir', 'd'],
    [/option '--key <key>' argument is empty .npm run model -- list --help/, 'cli/model', 'list', '--key', ''],
    [/an argument is empty/, 'cli/model', 'install', ''],
  ]
  for (const [says, name, ...parameters] of rows) {
    const { code, output } = await runCommand(name, parameters)
    assert.deepEqual([code, output.trim().split('\n').length], [2, 1], output)
    assert.match(output, says)
  }
})

test('a place that cannot be is refused before anything is done for it', async (t) => {
  const empty = await temporaryFolder(t)
  const rows: [code: number, says: RegExp, name: string, ...parameters: string[]][] = [
    [
      2,
      /'http:\/\/127\.0\.0\.1:99999' is invalid\. It is not a valid address/,
      'cli/model',
      'list',
      '--url',
      'http://127.0.0.1:99999',
    ],
    [2, /'localhost:8080' is invalid\. It must begin with http/, 'cli/model', 'list', '--url', 'localhost:8080'],
    [2, /--out .*Its folder does not exist/, 'cli/evaluate', '--data', empty, '--out', join(empty, 'none/report.md')],
    [2, /--out .*It is a folder, not a file/, 'cli/evaluate', '--data', empty, '--out', empty],
    [2, /--key-file .*It is a folder, not a file/, 'cli/model', 'list', '--key-file', empty],
  ]
  for (const [expected, says, name, ...parameters] of rows) {
    const { code, output } = await runCommand(name, parameters)
    assert.equal(code, expected, output)
    assert.match(output, says)
  }
})

test('a report goes to whatever can be written to: a device, or a file in a folder that cannot be', async (t) => {
  const { url } = await answering(t, (_request, response) => refuse(response, 401, 'unauthenticated'))
  const data = await temporaryFolder(t)
  const report = join(data, 'report.md')
  await writeFile(report, 'of an earlier evaluation')
  await chmod(data, 0o555)
  try {
    for (const out of ['/dev/null', '/dev/stdout', report]) {
      const { code, output } = await runCommand('cli/evaluate', ['--url', url, '--data', data, '--out', out])
      assert.deepEqual([code, /^unauthenticated: /m.test(output)], [1, true], output)
    }
    assert.equal(await readFile(report, 'utf8'), 'of an earlier evaluation')
  } finally {
    await chmod(data, 0o755)
  }
})

test('a report that cannot be written is refused before the evaluation', { skip: asRoot }, async (t) => {
  const data = await temporaryFolder(t)
  const report = join(data, 'report.md')
  await writeFile(report, 'to be kept')
  await chmod(report, 0o444)
  await chmod(data, 0o555)
  try {
    for (const [out, says] of [
      [report, /--out .*It cannot be written to/],
      [join(data, 'new.md'), /--out .*Its folder cannot be written to/],
    ] as const) {
      const { code, output } = await runCommand('cli/evaluate', ['--data', data, '--out', out])
      assert.deepEqual([code, says.test(output)], [2, true], output)
    }
  } finally {
    await chmod(data, 0o755)
  }
})

test('a comparison of losses takes no option that only training has', async () => {
  const { code, output } = await runCommand('train/pairs/main', ['--init', 'w', '--data', 'd', '--phases', 'head:1'])
  assert.deepEqual([code, /^error: unknown option '--phases'/.test(output)], [2, true], output)
})

const failures: { what: string; name: string; parameters(empty: string): string[]; says: RegExp }[] = [
  {
    what: 'a backup of a service that is not there',
    name: 'cli/backup',
    parameters: (empty) => ['--to', join(empty, 'x'), '--url', 'http://127.0.0.1:9'],
    says: /^service_unreachable: /,
  },
  {
    what: 'a restore of nothing',
    name: 'cli/restore',
    parameters: (empty) => [join(empty, 'none'), '--data-dir', join(empty, 'data')],
    says: /^snapshot_not_found: .*none does not exist/,
  },
  {
    what: 'training on a folder that is not there',
    name: 'train/main',
    parameters: (empty) => [
      '--data',
      join(empty, 'none'),
      '--out',
      empty,
      '--work',
      join(empty, 'work'),
      '--backend',
      'cpu',
    ],
    says: /^dataset_unusable: /m,
  },
  {
    what: 'judging a network that is not there',
    name: 'train/report/main',
    parameters: (empty) => ['--model', join(empty, 'none'), '--data', empty],
    says: /^model_unreadable: /,
  },
  {
    what: 'quantizing a network that is not there',
    name: 'train/onnx/precisions/main',
    parameters: (empty) => ['--model', join(empty, 'none'), '--data', empty],
    says: /^model_unreadable: /,
  },
  {
    what: 'a comparison of losses without a network',
    name: 'train/pairs/main',
    parameters: (empty) => ['--init', join(empty, 'none'), '--data', empty, '--backend', 'cpu'],
    says: /^weights_unreadable: .*none does not exist/,
  },
  {
    what: 'an upload of a folder that is not there',
    name: 'cli/ingest',
    parameters: (empty) => [join(empty, 'none'), '--gallery', 'g'],
    says: /none does not exist\.$/m,
  },
]
for (const { what, name, parameters, says } of failures) {
  test(`${what} is one line and exits with 1`, async (t) => {
    const { code, output } = await runCommand(name, parameters(await temporaryFolder(t)))
    assert.equal(code, 1)
    assert.match(output, says)
    assert.equal(output.trim().split('\n').length, 1, output)
  })
}

test('a generated key is the one that its line admits', async () => {
  const { code, output } = await runCommand('cli/make-key', ['--name', 'shop', '--role', 'read'])
  assert.equal(code, 0)
  const [key, line] = output
    .trim()
    .split('\n')
    .map((text) => text.split(/\s+/).at(-1)!)
  const keys = new ApiKeys(parseKeys(line!, 'the test'))
  assert.deepEqual(
    [keys.find(key!)?.name, keys.find(key!)?.grant.verbs.has('write'), keys.find(`${key}x`)],
    ['shop', false, undefined],
  )
})

test('a command whose output nobody reads any more ends without a word', async () => {
  const command = fileURLToPath(new URL('../../src/cli/make-key.js', import.meta.url))
  const child = spawn(process.execPath, [command, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let errors = ''
  child.stderr.on('data', (text: Buffer) => void (errors += text.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  assert.deepEqual([code, errors], [141, ''])
})

test('a command to be pasted is for the same service, and does not show its key', () => {
  assert.equal(serviceWords({ url: 'http://127.0.0.1:8080' }), '')
  assert.equal(serviceWords({ url: 'https://a.test', key: 'secret' }), ' --url https://a.test --key KEY')
  assert.equal(
    serviceWords({ url: 'https://a.test/?b', keyFile: 'my key' }),
    " --url 'https://a.test/?b' --key-file 'my key'",
  )
})

test('what a message quotes cannot control the terminal', () => {
  const error = Object.assign(new Error('\u001b[2Jnone\nnext\u009b1A \u2067x'), { code: 'config_invalid' })
  assert.equal(messageOf(error), 'config_invalid: \\u001b[2Jnone\nnext\\u009b1A \\u2067x')
})

test('a service that requires a key is answered with the options for one', async (t) => {
  const app = await startApp(t, { apiKeys: makeKey('shop', 'read').line })
  const { code, output } = await runCommand('cli/model', ['list', '--url', await app.listen()])
  assert.equal(code, 1, output)
  assert.match(output, /^unauthenticated: .+ Use --key-file or --key\.$/m)
})

test('errors of the system are told in words', () => {
  const rows = [
    ['ENOSPC', 'The disk is full: free some space, or write to another one.'],
    ['EISDIR', 'What was given is a folder, not a file.'],
  ] as const
  for (const [code, says] of rows) assert.equal(messageOf(Object.assign(new Error(`${code}: …`), { code })), says)
})

test('a key that would be of no use is not made', async () => {
  const rows: [says: RegExp, ...parameters: string[]][] = [
    [/'2020-01-01' is invalid\. It is in the past/, '--expires', '2020-01-01'],
    [/--expires.*'2099-02-31' is invalid\. It must be a date/, '--expires', '2099-02-31'],
    [/'tomorrow' is invalid\. It must be a date, or a time with its zone/, '--expires', 'tomorrow'],
    // which the parser of JavaScript would take
    [/--expires.*'January 5 2099' is invalid\. It must be a date/, '--expires', 'January 5 2099'],
    [/'5' is invalid\. It must be a date/, '--expires', '5'],
    [/'search,read' is invalid\. Allowed choices are search, read, /, '--verbs', 'search,read'],
    [/the role read does not include the verb write, only search, read, metrics/, '--verbs', 'search', 'write'],
    [/--galleries.*'two words' is invalid\. It must be a name, or the beginning of one/, '--galleries', 'two words'],
    [/--name.*'Zoë' is invalid\. It must be 1 to 63 small letters/, '--name', 'Zoë'],
  ]
  for (const [says, ...parameters] of rows) {
    const { code, output } = await runCommand('cli/make-key', ['--name', 'shop', '--role', 'read', ...parameters])
    assert.equal(code, 2, output)
    assert.match(output, says)
  }
})

test('restore turns a fetched backup into a data folder', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/kept' })
  await app.call(201, {
    method: 'PUT',
    url: '/v1/galleries/kept/images/a',
    payload: await drawImage('circle', 1),
    headers: { 'content-type': 'image/jpeg' },
  })
  const folder = await temporaryFolder(t)
  const [file, dataDir] = [join(folder, 'backup.tar'), join(folder, 'data')]
  const made = await runCommand('cli/backup', ['--to', file, '--url', await app.listen()])
  assert.equal(made.code, 0, made.output)
  assert.match(made.output, /galleries: 1, pictures: 1/)
  const restored = await runCommand('cli/restore', [file, '--data-dir', dataDir])
  assert.equal(restored.code, 0, restored.output)
  const again = await startApp(t, { dataDir, modelDir: app.config.modelDir })
  assert.equal((await again.call(200, { method: 'GET', url: '/v1/galleries/kept/images/a' })).id, 'a')
})

/** Twelve pictures of each label. */
async function labelledFolder(t: TestContext): Promise<string> {
  const data = await temporaryFolder(t)
  for (const label of drawnLabels) {
    await mkdir(join(data, label))
    for (let seed = 0; seed < 12; seed++)
      await writeFile(join(data, label, `${seed}.jpg`), await drawImage(label, seed))
  }
  return data
}

test('an evaluation without a split tests on what training left out, and does not touch an existing gallery', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24, provenance: { seed: 7 } })
  const app = await startApp(t, { modelDir: folder })
  const url = await app.listen()
  const data = await labelledFolder(t)
  const missing = await runCommand('cli/evaluate', ['--data', join(data, 'none'), '--url', url])
  assert.deepEqual([missing.code, missing.output.trim().split('\n').length], [1, 1], missing.output)
  assert.match(missing.output, /^dataset_unusable: /)
  const few = await drawn(t, ['cat/1.jpg', 'cat/2.jpg', 'dog/1.jpg'])
  const untested = await runCommand('cli/evaluate', ['--data', few, '--url', url])
  assert.match(untested.output, /^dataset_unusable: .*no pictures in the part test: .* needs 3 pictures/)
  const report = join(data, 'report.md')
  const first = await runCommand('cli/evaluate', ['--data', data, '--url', url, '--out', report])
  assert.equal(first.code, 0, first.output)
  assert.match(
    await readFile(report, 'utf8'),
    /^Model: \S+ \([0-9a-f]{16}\), fp32 on cpu\.\nData: 40 stored, 8 queries/m,
  )
  await writeFile(join(folder, 'split.json'), (await recordOf(await readSplitImages({ data, seed: 7 }))).text)
  const other = await runCommand('cli/evaluate', ['--data', data, '--url', url, '--gallery', 'b', '--model', folder])
  assert.match(other.output, /^split_differs: .*is another network: the service answers with/)
  const trained = (await readSplitImages({ data, seed: 7 })).filter(({ split }) => split !== 'test')
  const { images } = await app.call(200, { method: 'GET', url: '/v1/galleries/evaluate/images' })
  assert.deepEqual(new Set(images.map(({ id }) => id)), new Set(trained.map(({ id }) => id)))
  const second = await runCommand('cli/evaluate', ['--data', data, '--url', url])
  assert.equal(second.code, 1)
  assert.match(second.output, /^service_refused: .*--reuse/m)
  assert.equal((await app.call(200, { method: 'GET', url: '/v1/galleries/evaluate' })).count, 40)
})

test('an evaluation refuses a split that is not the one of training, and takes that one from the folder of the network', async (t) => {
  const data = await labelledFolder(t)
  const trained = await readSplitImages({ data, seed: 7 })
  const { text, sha256 } = await recordOf(trained)
  const { folder } = await handmadeModel(t, { dimension: 24, provenance: { seed: 7, splitSha256: sha256 } })
  await writeFile(join(folder, 'split.json'), text)
  const app = await startApp(t, { modelDir: folder })
  const given = ['--data', data, '--url', await app.listen()]
  await writeFile(join(data, drawnLabels[0]!, 'added.jpg'), await drawImage(drawnLabels[0]!, 99))
  const refused = await runCommand('cli/evaluate', given)
  assert.match(refused.output, /^split_differs: .*--model/)
  const other = await temporaryFolder(t)
  await writeFile(join(other, 'split.json'), (await recordOf(trained.slice(1))).text)
  const wrong = await runCommand('cli/evaluate', [...given, '--model', other])
  assert.match(wrong.output, /^split_differs: .*is another network/)
  const mistyped = await runCommand('cli/evaluate', [...given, '--model', join(data, 'none')])
  assert.match(mistyped.output, /^model_unreadable: .*none\/split\.json, the record of its split, does not exist/)
  const { code, output } = await runCommand('cli/evaluate', [...given, '--model', folder])
  assert.equal(code, 0, output)
  assert.match(output, /41 stored, 8 queries/)
})

test('an evaluation leaves out stored pictures that cannot be read', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24 })
  const app = await startApp(t, { modelDir: folder })
  const data = await temporaryFolder(t)
  for (const [seed, path] of ['train/circle/a.jpg', 'train/circle/b.jpg', 'test/circle/c.jpg'].entries()) {
    await mkdir(dirname(join(data, path)), { recursive: true })
    await writeFile(join(data, path), await drawImage('circle', seed))
  }
  await writeFile(join(data, 'train/circle/broken.jpg'), 'no picture')
  const { code, output } = await runCommand('cli/evaluate', ['--data', data, '--url', await app.listen()])
  assert.equal(code, 0, output)
  assert.match(output, /2 added, 1 failed/)
  assert.match(output, /^\| mAP@R \| 1\.000 /m)
  assert.match(output, /^\| meanRank \| 1\.5 /m)
})

/** Writes drawn pictures to these paths. */
async function drawn(t: TestContext, paths: readonly string[]): Promise<string> {
  const data = await temporaryFolder(t)
  for (const [seed, path] of paths.entries()) {
    await mkdir(dirname(join(data, path)), { recursive: true })
    await writeFile(join(data, path), await drawImage('circle', seed))
  }
  return data
}

test('an evaluation leaves out and names queries that cannot be read, and counts those without any answer', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24 })
  const app = await startApp(t, { modelDir: folder })
  const data = await drawn(t, ['train/circle/a.jpg', 'train/cross/b.jpg', 'test/circle/c.jpg', 'test/unseen/d.jpg'])
  await writeFile(join(data, 'test/circle/broken.jpg'), 'no picture')
  for (const split of ['train', 'test']) await symlink('nowhere', join(data, split, 'circle/gone.jpg'))
  const { code, output } = await runCommand('cli/evaluate', ['--data', data, '--url', await app.listen()])
  assert.equal(code, 0, output)
  assert.match(output, /2 stored, 2 queries/)
  assert.match(
    output,
    /^.*cannot be read, left out \(2\): test\/circle\/broken\.jpg \(image_[a-z_]+\), .*gone\.jpg \(ENOENT\)\.$/m,
  )
  assert.match(output, /2 added, 1 failed/)
  assert.match(output, /^Queries without a stored picture of their label, .* not counted below: 1\.$/m)
  assert.match(output, /^\| medianFirstRank \| [12]\.0 /m)
})

test('an evaluation stores every picture under its own id and label, however they are written', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24 })
  const app = await startApp(t, { modelDir: folder })
  const data = await drawn(t, ['a/b.jpg', 'a_b.jpg', 'c.jpg'])
  const label = 'shoes/cafe\u0301'
  const rows = ['a/b.jpg,train', 'a_b.jpg,train', 'c.jpg,test'].map((row) => row.replace(',', `,${label},`))
  await writeFile(join(data, 'labels.csv'), ['filename,label,split', ...rows].join('\n'))
  const { code, output } = await runCommand('cli/evaluate', ['--data', data, '--url', await app.listen()])
  assert.equal(code, 0, output)
  const { images } = await app.call(200, { method: 'GET', url: '/v1/galleries/evaluate/images' })
  assert.deepEqual(
    images.map(({ id, label }) => [id, label]),
    ['a/b.jpg', 'a_b.jpg'].map((id) => [id, label.normalize('NFC')]),
  )
  assert.match(output, /^\| mAP@R \| 1\.000 /m)
})

test('an evaluation does not count a copy of the query as a hit', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24 })
  const app = await startApp(t, { modelDir: folder })
  const data = await drawn(t, ['a.jpg', 'b.jpg', 'c.jpg'])
  const rows = ['a.jpg,circle,train,one', 'b.jpg,circle,test,one', 'c.jpg,circle,test,']
  await writeFile(join(data, 'labels.csv'), ['filename,label,split,duplicate_group', ...rows].join('\n'))
  const { code, output } = await runCommand('cli/evaluate', ['--data', data, '--url', await app.listen()])
  assert.equal(code, 0, output)
  assert.match(output, /1 stored, 2 queries/)
  assert.match(output, /^Queries without a stored picture of their label, other than copies, not counted below: 1\.$/m)
})

test('an evaluation with few queries has queries of every label', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24 })
  const app = await startApp(t, { modelDir: folder })
  const labels = ['train/circle', 'test/circle', 'test/only-in-test']
  const data = await drawn(
    t,
    labels.flatMap((label) => [1, 2, 3].map((name) => `${label}/${name}.jpg`)),
  )
  const given = ['--data', data, '--url', await app.listen(), '--queries', '2']
  const { code, output } = await runCommand('cli/evaluate', given)
  assert.equal(code, 0, output)
  assert.match(output, /3 stored, 2 queries/)
  assert.match(output, /^Queries without a stored picture of their label, .* not counted below: 1\.$/m)
})

test('an evaluation of an existing gallery ranks all of it', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24 })
  const app = await startApp(t, { modelDir: folder })
  const url = await app.listen()
  const data = await drawn(t, ['train/circle/a.jpg', 'test/circle/c.jpg'])
  const first = await runCommand('cli/evaluate', ['--data', data, '--url', url])
  assert.equal(first.code, 0, first.output)
  for (const [id, seed] of [
    ['x', 7],
    ['y', 8],
  ] as const)
    await app.call(201, {
      method: 'PUT',
      url: `/v1/galleries/evaluate/images/${id}?label=circle`,
      payload: await drawImage('circle', seed),
      headers: { 'content-type': 'image/jpeg' },
    })
  const { code, output } = await runCommand('cli/evaluate', ['--data', data, '--url', url, '--reuse', '--expand', '2'])
  assert.equal(code, 0, output)
  assert.match(output, /3 stored, 1 queries/)
  assert.match(output, /^Each query was expanded by its best hits \(--expand 2\)\.$/m)
  assert.match(output, /^\| meanRank \| 2\.0 /m)
})

test('an evaluation whose pictures cannot be stored says why and leaves no gallery behind', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24 })
  const app = await startApp(t, { modelDir: folder })
  const data = await drawn(t, ['train/circle/a.jpg', 'test/circle/c.jpg'])
  await writeFile(join(data, 'train/circle/a.jpg'), 'no picture')
  const { code, output } = await runCommand('cli/evaluate', ['--data', data, '--url', await app.listen()])
  assert.equal(code, 1)
  assert.match(output, /^service_refused: .*ended as failed, job_items_failed: /m)
  await app.call(404, { method: 'GET', url: '/v1/galleries/evaluate' })
})

test('an evaluation whose upload is refused leaves no gallery behind', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24 })
  const app = await startApp(t, { modelDir: folder, ingestMaxBytes: 1_000 })
  const data = await drawn(t, ['train/circle/a.jpg', 'test/circle/c.jpg'])
  const { code, output } = await runCommand('cli/evaluate', ['--data', data, '--url', await app.listen()])
  assert.equal(code, 1)
  assert.match(output, /^body_too_large: /m)
  await app.call(404, { method: 'GET', url: '/v1/galleries/evaluate' })
})

test('Ctrl-C while a failed evaluation removes its gallery does not hide why it failed', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24 })
  const app = await startApp(t, { modelDir: folder, ingestMaxBytes: 1_000 })
  const url = await app.listen()
  const data = await drawn(t, ['train/circle/a.jpg', 'test/circle/c.jpg'])
  const proxy = createHttpServer((asked, response) => {
    // not answered: the command gives up waiting
    if (asked.method === 'DELETE') return void child.kill('SIGINT')
    const { method, headers } = asked
    asked.pipe(
      request(new URL(asked.url!, url), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(response)
      }),
    )
  }).listen(0, '127.0.0.1')
  t.after(() => void proxy.closeAllConnections())
  t.after(() => proxy.close())
  await once(proxy, 'listening')
  const { port } = proxy.address() as { port: number }
  const main = fileURLToPath(new URL('../../src/cli/evaluate.js', import.meta.url))
  const child = spawn(process.execPath, [main, '--data', data, '--url', `http://127.0.0.1:${port}`])
  t.after(() => void child.kill('SIGKILL'))
  let output = ''
  child.stderr.on('data', (text: Buffer) => (output += text.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  assert.deepEqual([code, /^body_too_large: /m.test(output), /Cancelled/.test(output)], [1, true, false], output)
})

test('an evaluation that needs longer rankings than the service gives says so before it stores anything', async (t) => {
  const { folder } = await handmadeModel(t, { dimension: 24 })
  const app = await startApp(t, { modelDir: folder, searchMaxK: 10 })
  const data = await labelledFolder(t)
  const { code, output } = await runCommand('cli/evaluate', ['--data', data, '--url', await app.listen()])
  assert.equal(code, 1)
  assert.match(output, /^service_refused: .*all 40 stored pictures.*SEARCH_MAX_K/m)
  await app.call(404, { method: 'GET', url: '/v1/galleries/evaluate' })
})

test('an evaluation that Ctrl-C ends while it stores pictures leaves no gallery in the way of the next one', async (t) => {
  const app = await startApp(t)
  const picture = await drawImage('circle', 1)
  const data = await temporaryFolder(t)
  for (const label of ['x', 'y']) {
    await mkdir(join(data, label))
    // distinct pictures, and enough of them that the job is still running
    for (let n = 0; n < 1_500; n++)
      await writeFile(join(data, label, `${n}.jpg`), Buffer.concat([picture, Buffer.from(label + n)]))
  }
  const main = fileURLToPath(new URL('../../src/cli/evaluate.js', import.meta.url))
  const child = spawn(process.execPath, [main, '--data', data, '--url', await app.listen()])
  t.after(() => void child.kill('SIGKILL'))
  const jobs = async () => (await app.call(200, { method: 'GET', url: '/v1/jobs' })).jobs
  await until(async () => (await jobs()).some(({ done }) => done > 0), 'the first picture of the job')
  child.kill('SIGINT')
  const [code] = (await once(child, 'close')) as [number | null]
  assert.equal(code, 130)
  await app.call(404, { method: 'GET', url: '/v1/galleries/evaluate' })
})

test('a service whose port is taken exits at once with a reason', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const dataDir = await temporaryFolder(t)
  const { folder } = await handmadeModel(t, { dimension: 24 })
  const { code, output } = await runToExit({ PORT: String(port), DATA_DIR: dataDir, MODEL_DIR: folder })
  assert.equal(code, 1)
  assert.match(output, new RegExp(`^config_invalid: .*Port ${port} of 127\\.0\\.0\\.1 is in use; PORT chooses`, 'm'))
  assert.ok((await stat(dataDir)).isDirectory())
  const metrics = await runToExit({ PORT: '0', METRICS_PORT: String(port), DATA_DIR: dataDir, MODEL_DIR: folder })
  assert.equal(metrics.code, 1)
  assert.match(metrics.output, new RegExp(`Port ${port} of 127\\.0\\.0\\.1 is in use; METRICS_PORT chooses another`))
})
