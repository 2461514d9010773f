import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { readModel } from '../../../../src/embedding/model-manifest.js'
import { fieldsOf, tagOf } from '../../../../src/embedding/protobuf-fields.js'
import { probabilitySameLabel } from '../../../../src/eval/score-calibration.js'
import { type ImportOptions, importNetwork } from '../../../../src/train/onnx/foreign/import-network.js'
import { renamed } from '../../../../src/train/onnx/foreign/renamed-graph.js'
import { GraphBuilder, type GraphOutput, type Value } from '../../../../src/train/onnx/graph-builder.js'
import { decodeModel, encodeGraph, encodeModel, type ModelProto } from '../../../../src/train/onnx/onnx-proto.js'
import { openOnnx } from '../../../../src/train/onnx/onnx-session.js'
import { startApp } from '../../../support/app.js'
import { drawImage } from '../../../support/drawn-images.js'
import { runCommand } from '../../../support/run-command.js'
import { temporaryFolder } from '../../../support/temporary-folder.js'

const size = 8
/** Names that the graph around a foreign one uses itself. */
const names = { input: 'pixels', average: 'average', vector: 'embedding' }

interface Foreign {
  shape?: (number | string)[]
  elementType?: 'float32' | 'uint8'
  /** From [N, 3, S, S]. */
  outputs?: (builder: GraphBuilder, planes: Value) => GraphOutput[]
  channelsLast?: boolean
  edit?: (model: ModelProto) => void
}

/** A vector of the mean of each colour. */
function meanColours(builder: GraphBuilder, planes: Value): GraphOutput[] {
  const average = builder.add('GlobalAveragePool', names.average, [planes])
  const value = builder.add('Flatten', 'flat', [average], { axis: 1 })
  return [{ name: names.vector, value, shape: ['N', 3] }]
}

/** The first pixels of the picture, four tokens of three colours. */
function tokens(builder: GraphBuilder, planes: Value): GraphOutput[] {
  const [start, end] = [builder.integers('start', [0, 0]), builder.integers('end', [2, 2])]
  const corner = builder.add('Slice', 'corner', [planes, start, end, builder.integers('axes', [2, 3])])
  const rows = builder.add('Reshape', 'rows', [corner, builder.integers('shape', [0, 3, 4])])
  return [{ name: 'tokens', value: builder.add('Transpose', 'list', [rows], { perm: [0, 2, 1] }), shape: ['N', 4, 3] }]
}

function foreignFile({ shape, elementType = 'float32', outputs = meanColours, channelsLast = false, edit }: Foreign) {
  const builder = new GraphBuilder()
  const usual = channelsLast ? ['batch', size, size, 3] : ['batch', 3, size, size]
  const input = builder.input(names.input, elementType, shape ?? usual)
  const planes = channelsLast ? builder.add('Transpose', 'planes', [input], { perm: [0, 3, 1, 2] }) : input
  const model = builder.build('foreign', outputs(builder, planes))
  edit?.(model)
  return encodeModel(model)
}

const given: Omit<ImportOptions, 'file' | 'name' | 'out'> = {
  preprocessing: {
    inputSize: undefined,
    resizeShortSide: undefined,
    fit: 'cover',
    kernel: 'cubic',
    mean: [10, 20, 30],
    std: [40, 50, 60],
  },
  output: undefined,
  pooling: undefined,
  now: new Date(0),
}

async function imported(t: TestContext, foreign: Foreign, options: Partial<ImportOptions> = {}) {
  const out = await temporaryFolder(t, 'alike-import-')
  const file = join(out, 'encoder.onnx')
  await writeFile(file, foreignFile(foreign))
  return importNetwork({ ...given, file, name: 'foreign', out, ...options })
}

/** [N, S, S, 3]. */
const pixels = Uint8Array.from({ length: 2 * size * size * 3 }, (_, i) => (i * 37 + (i % 11) * 5) % 256)
/** Of the picture as the foreign graph gets it, rows of three colours. */
const colours = Array.from({ length: pixels.length / 3 }, (_, i) =>
  [0, 1, 2].map((c) => (pixels[i * 3 + c]! - given.preprocessing.mean[c]!) / given.preprocessing.std[c]!),
)
const mean = (rows: number[][]): number[] =>
  [0, 1, 2].map((c) => rows.reduce((sum, row) => sum + row[c]!, 0) / rows.length)
const unit = (vector: number[]): number[] => vector.map((x) => x / Math.hypot(...vector))
const picture = (number: number): number[][] => colours.slice(number * size * size, (number + 1) * size * size)
const corner = (number: number): number[][] => [0, 1, size, size + 1].map((i) => picture(number)[i]!)

const rows: { what: string; foreign: Foreign; options?: Partial<ImportOptions>; expected(number: number): number[] }[] =
  [
    { what: 'channels first', foreign: {}, expected: (number) => mean(picture(number)) },
    { what: 'channels last', foreign: { channelsLast: true }, expected: (number) => mean(picture(number)) },
    {
      what: 'any size',
      foreign: { shape: ['batch', 3, 'height', 'width'] },
      options: { preprocessing: { ...given.preprocessing, inputSize: size } },
      expected: (number) => mean(picture(number)),
    },
    {
      what: 'the first of its tokens',
      foreign: { outputs: tokens },
      options: { pooling: 'first' },
      expected: (number) => corner(number)[0]!,
    },
    {
      what: 'the mean of its tokens',
      foreign: { outputs: tokens },
      options: { pooling: 'mean' },
      expected: (number) => mean(corner(number)),
    },
    {
      what: 'a map of features',
      foreign: {
        outputs: (builder, planes) => [
          {
            name: 'map',
            value: builder.add('Relu', 'map', [builder.add('Neg', 'neg', [planes])]),
            shape: ['N', 3, size, size],
          },
        ],
      },
      options: { pooling: 'mean' },
      expected: (number) => mean(picture(number).map((row) => row.map((x) => Math.max(-x, 0)))),
    },
    {
      what: 'nodes named like those around it',
      foreign: { edit: ({ graph }) => Object.assign(graph.node.at(-1)!, { name: 'unit' }) },
      expected: (number) => mean(picture(number)),
    },
    {
      what: 'the vector among its outputs',
      foreign: { outputs: (builder, planes) => [...tokens(builder, planes), ...meanColours(builder, planes)] },
      expected: (number) => mean(picture(number)),
    },
  ]

for (const { what, foreign, options, expected } of rows) {
  test(`an imported encoder computes what it did: ${what}`, async (t) => {
    const { folder, manifest } = await imported(t, foreign, options)
    assert.equal(manifest.embeddingDimension, 3)
    assert.deepEqual((await readModel(folder)).manifest, manifest)
    const session = await openOnnx(join(folder, 'model.onnx'))
    t.after(() => session.close())
    const { embedding, logits } = await session.run(pixels, size)
    assert.equal(logits.length, 0)
    for (const number of [0, 1])
      unit(expected(number)).forEach((x, c) =>
        assert.ok(Math.abs(x - embedding[number * 3 + c]!) < 1e-5, `${number} ${c}`),
      )
  })
}

test('an empty picture has no direction, and is no error', async (t) => {
  const preprocessing = { ...given.preprocessing, mean: [0, 0, 0] }
  const { folder } = await imported(t, {}, { preprocessing })
  const session = await openOnnx(join(folder, 'model.onnx'))
  t.after(() => session.close())
  assert.deepEqual([...(await session.run(new Uint8Array(size * size * 3), size)).embedding], [0, 0, 0])
})

const refused: { what: string; foreign: Foreign; options?: Partial<ImportOptions>; says: RegExp }[] = [
  { what: 'a batch of one', foreign: { shape: [1, 3, size, size] }, says: /dynamic first dimension of pixels/ },
  { what: 'bytes as input', foreign: { elementType: 'uint8' }, says: /neither float32 nor float16/ },
  {
    what: 'grey pictures',
    foreign: { shape: ['N', 1, size, size] },
    says: /pixels \[\?, 1, 8, 8\] is not a square picture/,
  },
  { what: 'an open size', foreign: { shape: ['N', 3, 'h', 'w'] }, says: /--input-size/ },
  { what: 'tiny pictures', foreign: { shape: ['N', 3, 4, 4] }, says: /4 × 4 pixels; 8 to 1024 are possible/ },
  {
    what: 'huge pictures',
    foreign: { shape: ['N', 3, 1536, 1536] },
    says: /1536 × 1536 pixels; 8 to 1024 are possible/,
  },
  {
    what: 'another size',
    foreign: {},
    options: { preprocessing: { ...given.preprocessing, inputSize: 16 } },
    says: /8 × 8 pixels only/,
  },
  {
    what: 'a short side below the input size',
    foreign: {},
    options: { preprocessing: { ...given.preprocessing, resizeShortSide: 7 } },
    says: /short side of 7 pixels; --short-side must be at least 8/,
  },
  {
    what: 'a short side that no picture is resized to',
    foreign: {},
    options: { preprocessing: { ...given.preprocessing, resizeShortSide: 224_000 } },
    says: /224000 pixels.*8 to 1280 are possible/,
  },
  ...[
    [0, 1, 1],
    [-1, 1, 1],
    [Infinity, 1, 1],
  ].map((std) => ({
    what: `colours divided by ${std[0]}`,
    foreign: {},
    options: { preprocessing: { ...given.preprocessing, std } },
    says: /standard deviation above 0/,
  })),
  { what: 'tokens', foreign: { outputs: tokens }, says: /--pooling first .*--pooling mean/ },
  {
    what: 'an output without a shape',
    foreign: { edit: ({ graph }) => delete graph.output[0]!.type!.tensorType.shape },
    says: /does not say which shape its output has/,
  },
  {
    what: 'several vectors',
    foreign: {
      outputs: (builder, planes) => {
        const [{ value }] = meanColours(builder, planes) as [GraphOutput]
        return ['a', 'b'].map((name) => ({ name, value: builder.add('Neg', name, [value]), shape: ['N', 3] }))
      },
    },
    says: /--output: a \[\?, 3\], b \[\?, 3\]\./,
  },
  { what: 'no such output', foreign: {}, options: { output: 'none' }, says: /--output: embedding \[\?, 3\]\./ },
  {
    what: 'an old opset',
    foreign: { edit: (model) => model.opsetImport.splice(0, 1, { domain: '', version: 10 }) },
    says: /opset 10: export it with opset 11 or later/,
  },
  {
    what: 'two inputs',
    foreign: { edit: ({ graph }) => graph.input.push({ ...graph.input[0]!, name: 'text' }) },
    says: /2 inputs \(pixels, text\)/,
  },
  {
    what: 'an unknown operator',
    foreign: { edit: ({ graph }) => Object.assign(graph.node[0]!, { opType: 'NoSuch' }) },
    says: /ONNX Runtime cannot open it: .*NoSuch/s,
  },
  {
    what: 'numbers that are not finite',
    foreign: {
      outputs: (builder, planes) => {
        const [vector] = meanColours(builder, planes) as [GraphOutput]
        return [
          {
            ...vector,
            value: builder.add('Log', 'log', [builder.add('Neg', 'neg', [builder.add('Abs', 'abs', [vector.value])])]),
          },
        ]
      },
    },
    says: /not finite/,
  },
  {
    what: 'an output that no picture changes',
    foreign: {
      outputs: (builder, planes) => {
        const [vector] = meanColours(builder, planes) as [GraphOutput]
        return [
          {
            ...vector,
            value: builder.add('Mul', 'mul', [vector.value, builder.floats('none', new Float32Array(1), [1])]),
          },
        ]
      },
    },
    says: /same embedding for every picture/,
  },
]

for (const { what, foreign, options, says } of refused) {
  test(`an encoder that cannot be served is refused, and leaves nothing: ${what}`, async (t) => {
    const out = await temporaryFolder(t, 'alike-import-')
    const file = join(out, 'encoder.onnx')
    await writeFile(file, foreignFile(foreign))
    const importing = importNetwork({ ...given, file, name: 'foreign', out, ...options })
    await assert.rejects(importing, { code: 'import_unsupported', message: says })
    assert.deepEqual(await readdir(out), ['encoder.onnx'])
  })
}

for (const [what, bytes] of [
  ['empty', Buffer.alloc(0)],
  ['a page', Buffer.from('<!doctype html><html>not found</html>')],
  ['cut', foreignFile({}).subarray(0, -9)],
  ['damaged in its graph', field(7, 'hello')],
  ['damaged in its input', field(7, field(11, Buffer.from([10, 5, 97])))],
  ['damaged in a node', damagedInNode()],
] as const)
  test(`a file that is ${what} is refused as no ONNX file`, async (t) => {
    const out = await temporaryFolder(t, 'alike-import-')
    const file = join(out, 'encoder.onnx')
    await writeFile(file, bytes)
    const importing = importNetwork({ ...given, file, name: 'foreign', out })
    await assert.rejects(importing, { code: 'import_unsupported', message: /It is not an ONNX file/ })
  })

for (const [what, write, says] of [
  ['more than 2 GB long', (file: string) => truncate(file, 2 ** 31 + 1), /larger than 2 GB/],
  [
    'a pointer of Git LFS',
    (file: string) =>
      writeFile(file, `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 9\n`),
    /git lfs pull/,
  ],
] as const)
  test(`a file that is ${what} is refused, and one is told why`, async (t) => {
    const out = await temporaryFolder(t, 'alike-import-')
    const file = join(out, 'encoder.onnx')
    await writeFile(file, '')
    await write(file)
    const importing = importNetwork({ ...given, file, name: 'foreign', out })
    await assert.rejects(importing, { code: 'import_unsupported', message: says })
  })

/** A field of a protobuf message. */
function field(number: number, content: Uint8Array | string): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([tagOf(number, bytes.length), bytes])
}

/** The rest of its graph is whole. */
function damagedInNode(): Buffer {
  const { graph, ...model } = decodeModel(foreignFile({}))
  const shell = encodeModel({ ...model, graph: undefined as never })
  return Buffer.concat([shell, field(7, Buffer.concat([encodeGraph(graph), field(1, 'hello')]))])
}

/** Of the only field of a message. */
function contentOf(message: Uint8Array): Buffer {
  const bytes = Buffer.from(message)
  const { from, to } = fieldsOf(bytes, 0, bytes.length)[0]!
  return bytes.subarray(from, to)
}

test('names are changed in nested graphs too, and an input that is left out stays so', () => {
  const inner = encodeGraph({ node: [{ name: 'n', opType: 'Neg', input: ['x'], output: ['y'], attribute: [] }] })
  const node = Buffer.concat([field(1, 'cond'), field(1, ''), field(2, 'z'), field(5, field(6, inner))])
  const graph = field(1, node)
  const changed = renamed(graph, fieldsOf(graph, 0, graph.length), 'p/')
  const innerChanged = encodeGraph({
    node: [{ name: 'p/n', opType: 'Neg', input: ['p/x'], output: ['p/y'], attribute: [] }],
  })
  const expected = field(
    1,
    Buffer.concat([field(1, 'p/cond'), field(1, ''), field(2, 'p/z'), field(5, field(6, innerChanged))]),
  )
  assert.deepEqual(changed, expected)
})

test('weights that are stored sparsely are found', async (t) => {
  const out = await temporaryFolder(t, 'alike-import-')
  const file = join(out, 'encoder.onnx')
  const { graph, ...model } = decodeModel(
    foreignFile({
      outputs: (builder, planes) => {
        const [{ value }] = meanColours(builder, planes) as [GraphOutput]
        return [{ name: names.vector, value: builder.add('Mul', 'scaled', [value, 'scale']), shape: ['N', 3] }]
      },
    }),
  )
  const float = (value: number) => Buffer.from(Float32Array.of(value).buffer)
  // values at the places 0 and 2 of [3]
  const values = encodeGraph({
    initializer: [{ name: 'scale', dims: [2], dataType: 1, rawData: Buffer.concat([float(4), float(-3)]) }],
  })
  const places = encodeGraph({
    initializer: [{ name: '', dims: [2], dataType: 7, rawData: Buffer.from(BigInt64Array.of(0n, 2n).buffer) }],
  })
  const sparse = Buffer.concat([
    field(1, contentOf(values)),
    field(2, contentOf(places)),
    Buffer.from([3 * 8, 3]), // dims
  ])
  const shell = encodeModel({ ...model, graph: undefined as never })
  await writeFile(file, Buffer.concat([shell, field(7, Buffer.concat([encodeGraph(graph), field(15, sparse)]))]))
  const { folder } = await importNetwork({ ...given, file, name: 'foreign', out })
  const session = await openOnnx(join(folder, 'model.onnx'))
  t.after(() => session.close())
  const { embedding } = await session.run(pixels, size)
  const [r, , b] = mean(picture(0)) as [number, number, number]
  unit([4 * r, 0, -3 * b]).forEach((x, c) => assert.ok(Math.abs(x - embedding[c]!) < 1e-5, `${c}`))
})

test('weights in a second file are refused', async (t) => {
  const out = await temporaryFolder(t, 'alike-import-')
  const file = join(out, 'encoder.onnx')
  const outside = field(5, Buffer.concat([field(8, 'weights'), field(13, '')])) // a constant with external data
  const { graph, ...model } = decodeModel(foreignFile({}))
  const shell = encodeModel({ ...model, graph: undefined as never })
  await writeFile(file, Buffer.concat([shell, field(7, Buffer.concat([encodeGraph(graph), outside]))]))
  await assert.rejects(importNetwork({ ...given, file, name: 'foreign', out }), { message: /in a second file/ })
})

test('labelled pictures tell what the scores of an imported encoder mean, and what it is worth', async (t) => {
  const out = await temporaryFolder(t, 'alike-import-')
  const file = join(out, 'encoder.onnx')
  await writeFile(file, foreignFile({}))
  const data = join(out, 'pictures')
  for (const label of ['red', 'blue']) {
    await mkdir(join(data, label), { recursive: true })
    for (let number = 0; number < 20; number++) {
      const background = { r: 20 + number, g: 90 - number, b: 20 + number, [label[0]!]: 200 + number }
      const drawn = sharp({ create: { width: 16, height: 16, channels: 3, background } })
      await writeFile(join(data, label, `${number}.png`), await drawn.png().toBuffer())
    }
  }
  const words = [file, '--mean', '0.5,0.5,0.5', '--std', '0.2,0.2,0.2', '--out', out]
  const made = await runCommand('train/onnx/foreign/main', [...words, '--name', 'told', '--data', data])
  assert.equal(made.code, 0, made.output)
  // 18 % of each label are test pictures
  assert.match(made.output, /^embedding 32 labelled pictures\n/)
  assert.match(made.output, /\nmAP@1 1\.000, mAP@10 1\.000, normalised mean rank 0\.000\nnext: /)
  const { calibration } = (await readModel(join(out, 'told'))).manifest
  assert.deepEqual([calibration?.positives, calibration?.negatives], [(2 * 16 * 15) / 2, 16 * 16])
  const [alike, unlike] = [0.99, -0.9].map((score) => probabilitySameLabel(calibration!, score))
  assert.ok(alike! > 0.8 && unlike! < 0.2, `${alike} ${unlike}`)

  const alone = await runCommand('train/onnx/foreign/main', [...words, '--name', 'x', '--labels', 'labels.csv'])
  assert.deepEqual([alone.code, /--labels needs --data/.test(alone.output)], [2, true], alone.output)
  await rm(join(data, 'blue'), { recursive: true })
  const both = await runCommand('train/onnx/foreign/main', [
    ...[...words, '--name', 'x'],
    ...['--fit', 'squash', '--short-side', '32'],
  ])
  assert.deepEqual([both.code, /^error: --short-side needs --fit cover /.test(both.output)], [2, true], both.output)
  const one = await runCommand('train/onnx/foreign/main', [...words, '--name', 'x', '--data', data])
  assert.deepEqual([one.code, /^dataset_unusable: .*too few pairs/m.test(one.output)], [1, true], one.output)
  assert.equal(existsSync(join(out, 'x')), false)
})

test('an import that is stopped leaves nothing', async (t) => {
  const out = await temporaryFolder(t, 'alike-import-')
  const [file, picture] = [join(out, 'encoder.onnx'), join(out, 'a.jpg')]
  await writeFile(file, foreignFile({}))
  await writeFile(picture, await drawImage('circle', 1))
  const image = { id: 'a', label: 'a', group: 'a', split: 'train', source: { path: picture } } as const
  const stop = AbortSignal.abort(new Error('stopped'))
  for (const images of [undefined, [image]])
    await assert.rejects(importNetwork({ ...given, file, name: 'foreign', out, images, stop }), { message: 'stopped' })
  assert.deepEqual((await readdir(out)).sort(), ['a.jpg', 'encoder.onnx'])
})

test('npm run import makes a folder that a service serves; a name is replaced only if that is wanted', async (t) => {
  const out = await temporaryFolder(t, 'alike-import-')
  const file = join(out, 'encoder.onnx')
  await writeFile(file, foreignFile({}))
  const words = [file, '--name', 'foreign', '--mean', '0,0,0', '--std', '1,1,1', '--out', out]
  const made = await runCommand('train/onnx/foreign/main', words)
  assert.equal(made.code, 0, made.output)
  assert.match(
    made.output,
    /3 numbers a picture, from the output embedding; pictures of 8 × 8.*\nnext: MODEL_DIR=.*foreign npm start/,
  )
  assert.ok(existsSync(join(out, 'foreign/golden/golden.json')))
  const again = await runCommand('train/onnx/foreign/main', words)
  assert.deepEqual([again.code, /^run_exists: .*--force overwrites it/.test(again.output)], [1, true], again.output)
  assert.equal((await runCommand('train/onnx/foreign/main', [...words, '--force'])).code, 0)
  await mkdir(join(out, 'photos'))
  await writeFile(join(out, 'photos/a.jpg'), '')
  const photos = await runCommand('train/onnx/foreign/main', [...words, '--force', '--name', 'photos'])
  assert.deepEqual([photos.code, /^run_exists: .*photos is there and is no network/.test(photos.output)], [1, true])
  assert.deepEqual(await readdir(join(out, 'photos')), ['a.jpg'])
  const wrong = await runCommand('train/onnx/foreign/main', [
    file,
    '--name',
    'x',
    '--mean',
    '127,127,127',
    '--std',
    '1,1,1',
  ])
  assert.deepEqual([wrong.code, /three numbers from 0 to 1/.test(wrong.output)], [2, true], wrong.output)

  const app = await startApp(t, { modelDir: join(out, 'foreign') })
  const picture = { headers: { 'content-type': 'image/jpeg' }, payload: await drawImage('circle', 1) }
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g/images/a', ...picture })
  const { hits } = await app.call(200, { method: 'POST', url: '/v1/galleries/g/search', ...picture })
  const [hit] = hits as { id: string; score: number }[]
  assert.deepEqual([hit?.id, hit?.score, 'pSame' in hit!], ['a', 1, false])
})

test('a folder of an exporter says its preprocessing', async (t) => {
  const out = await temporaryFolder(t, 'alike-import-')
  const folder = join(out, 'exported')
  await mkdir(join(folder, 'onnx'), { recursive: true })
  const words = [folder, '--name', 'foreign', '--out', out]
  const none = await runCommand('train/onnx/foreign/main', words)
  assert.deepEqual(
    [none.code, /^import_unsupported: .*none of vision_model/m.test(none.output)],
    [1, true],
    none.output,
  )
  await writeFile(join(folder, 'onnx/model.onnx'), foreignFile({ shape: ['batch', 3, 'height', 'width'] }))
  const silent = await runCommand('train/onnx/foreign/main', words)
  assert.deepEqual([silent.code, /--mean and --std/.test(silent.output)], [1, true], silent.output)
  const config = {
    image_processor_type: 'BitImageProcessor',
    size: { shortest_edge: 10 },
    crop_size: { height: size, width: size },
    do_center_crop: true,
    resample: 2,
    image_mean: [0.5, 0.25, 0.125],
    image_std: [1, 0.5, 0.2],
  }
  await writeFile(join(folder, 'preprocessor_config.json'), JSON.stringify(config))
  const made = await runCommand('train/onnx/foreign/main', words)
  assert.equal(made.code, 0, made.output)
  assert.match(
    made.output,
    /as in preprocessor_config.json: short side 10, cut to 8, linear, mean 0.5,0.25,0.125, std 1,0.5,0.2\n/,
  )
  const { preprocessing, provenance } = (await readModel(join(out, 'foreign'))).manifest
  assert.deepEqual([preprocessing.resizeShortSide, preprocessing.kernel], [10, 'linear'])
  assert.equal(provenance?.['importedFrom'], 'exported/onnx/model.onnx')

  const alone = await runCommand('train/onnx/foreign/main', [
    join(folder, 'onnx/model.onnx'),
    ...words.slice(1),
    '--force',
  ])
  assert.equal(alone.output, made.output)
  const told = [join(folder, 'onnx/model.onnx'), ...words.slice(1), '--mean', '0,0,0', '--std', '1,1,1', '--force']
  const { output } = await runCommand('train/onnx/foreign/main', [...told, '--input-size', `${size}`])
  assert.match(output, /pictures of 8 × 8/)
  assert.doesNotMatch(output, /preprocessor_config/)

  const overruled = await runCommand('train/onnx/foreign/main', [...words, '--force', '--kernel', 'cubic'])
  assert.match(overruled.output, /as in preprocessor_config.json and the options: short side 10, cut to 8, cubic,/)

  await writeFile(join(folder, 'preprocessor_config.json'), '{"size":')
  const damaged = await runCommand('train/onnx/foreign/main', [...words, '--force'])
  assert.deepEqual([damaged.code, /preprocessor_config.json cannot be read/.test(damaged.output)], [1, true])
  await rm(join(folder, 'preprocessor_config.json'))
  const timm = { input_size: [3, size, size], crop_pct: 1, interpolation: 'bicubic', mean: [0, 0, 0], std: [1, 1, 1] }
  await writeFile(join(folder, 'config.json'), JSON.stringify({ architecture: 'resnet10t', pretrained_cfg: timm }))
  const other = await runCommand('train/onnx/foreign/main', [...words, '--force'])
  assert.deepEqual([other.code, /as in config.json: short side 8/.test(other.output)], [0, true], other.output)
})
