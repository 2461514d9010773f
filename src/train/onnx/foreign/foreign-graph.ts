/**
 * An encoder of pictures exported by another framework: what its ONNX file takes and returns, and the same graph as the
 * service runs it. The file is edited as bytes, so that nothing that we never write ourselves is lost from it.
 */
import { type Field, fieldsOf, nameIn, tagOf } from '../../../embedding/protobuf-fields.js'
import { AlikeError } from '../../../errors.js'
import type { Preprocessing } from '../../../image/preprocessing.js'
import { GraphBuilder, type Value } from '../graph-builder.js'
import { decodeModel, elementTypes, encodeGraph, type ModelProto, opsetOf, type ValueInfoProto } from '../onnx-proto.js'
import { renamed } from './renamed-graph.js'
import { unsupported } from './unsupported.js'

/** Field numbers of onnx.proto. */
const fields = {
  irVersion: 1,
  modelGraph: 7,
  initializer: 5,
  input: 11,
  output: 12,
  initializerName: 8,
  externalData: 13,
} as const

/** Before this version of the format, weights were also inputs; what surrounds the graph declares none. */
const irVersionMin = 4
/** The operators around a foreign graph mean the same from this version on. */
const opsetMin = 11
/** Precedes every name of the foreign graph, so that none is equal to one of ours. */
const prefix = 'network/'

/** What a clone without Git LFS has instead of a large file. */
const lfsPointer = 'version https://git-lfs'

export type Layout = 'channels first' | 'channels last'
export const poolings = ['first', 'mean'] as const
export type Pooling = (typeof poolings)[number]

/** A float32 or float16 tensor. Free dimensions are undefined. */
interface ForeignValue {
  name: string
  elementType: number
  dims: (number | undefined)[]
}

export interface ForeignGraph {
  bytes: Buffer
  input: ForeignValue & { layout: Layout; size: number | undefined }
  outputs: ForeignValue[]
}

/** @throws AlikeError `import_unsupported` if it is not the graph of an encoder of pictures */
export function readForeignGraph(file: Uint8Array): ForeignGraph {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  if (bytes.toString('latin1', 0, lfsPointer.length) === lfsPointer)
    throw unsupported('It is a pointer of Git LFS, not yet the file itself: git lfs pull fetches that.')
  return parsed(() => foreignGraphIn(bytes))
}

function foreignGraphIn(bytes: Buffer): ForeignGraph {
  const { graph, rest } = partsOf(bytes)
  expectConstantsWithin(bytes, graph)
  const constants = new Set(of(graph, fields.initializer).map((part) => nameIn(bytes, part, fields.initializerName)))
  const declared = [...of(graph, fields.input), ...of(graph, fields.output)]
  const model = decodeModel(
    Buffer.concat([...bytesOf(bytes, rest), ...message(fields.modelGraph, bytesOf(bytes, declared))]),
  )
  const { graph: shell } = model
  const opset = opsetOf(model)
  if (opset < opsetMin) throw unsupported(`It uses opset ${opset}: export it with opset ${opsetMin} or later.`)
  const inputs = shell.input.filter(({ name }) => !constants.has(name))
  if (inputs.length !== 1)
    throw unsupported(`It has ${inputs.length} inputs (${namesOf(inputs)}): export the encoder of pictures alone.`)
  return { bytes, input: imageInput(inputs[0]!), outputs: shell.output.map(foreignValue) }
}

/**
 * @param name undefined: the only output, or the only one with a vector for each picture
 * @throws AlikeError `import_unsupported`
 */
export function outputOf({ outputs }: ForeignGraph, name: string | undefined): ForeignValue {
  const vectors = outputs.filter(({ dims }) => dims.length === 2)
  const candidates = name === undefined ? vectors : outputs.filter((output) => output.name === name)
  const chosen = outputs.length === 1 && name === undefined ? outputs : candidates
  if (chosen.length === 1) return chosen[0]!
  throw unsupported(`Choose one of its outputs with --output: ${outputs.map(describe).join(', ')}.`)
}

export interface Wrapping {
  preprocessing: Preprocessing
  output: ForeignValue
  /** Makes one vector of a list of tokens, or of a map of features. */
  pooling: Pooling | undefined
}

/**
 * Graph: `pixels` uint8 [N, S, S, 3] → (x − mean) / std → the foreign graph → `embedding` [N, D] of unit length;
 * `logits` are empty.
 * @throws AlikeError `import_unsupported`
 */
export function wrapForeignGraph({ bytes, input }: ForeignGraph, wrapping: Wrapping): Uint8Array {
  const before = pictureInput(input, wrapping.preprocessing)
  const after = unitOutput(wrapping.output, wrapping.pooling)
  return parsed(() => surrounded(bytes, { before, prefix, after }))
}

export interface Surroundings {
  /** Nodes, constants, and the inputs of the whole. */
  before: Partial<ModelProto['graph']>
  /** Of every name of the graph between them. */
  prefix: string
  /** Nodes, constants, and the outputs of the whole. */
  after: Partial<ModelProto['graph']>
}

/** The graph of a file between nodes of ours; its own inputs and outputs are values of the whole. */
export function surrounded(bytes: Buffer, { before, prefix: own, after }: Surroundings): Uint8Array {
  const { graph, rest } = partsOf(bytes)
  const kept = graph.filter(({ number }) => number !== fields.input && number !== fields.output)
  const body = [encodeGraph(before), renamed(bytes, kept, own), encodeGraph(after)]
  return Buffer.concat([...bytesOf(bytes, rest), newerFormat(bytes, rest), ...message(fields.modelGraph, body)])
}

/** The version again where it is too old: of a number that stands twice, the last one counts. */
function newerFormat(bytes: Buffer, parts: readonly Field[]): Buffer {
  const isOld = of(parts, fields.irVersion).some(({ from }) => bytes[from]! < irVersionMin)
  return Buffer.from(isOld ? [fields.irVersion * 8, irVersionMin] : [])
}

function pictureInput({ name, elementType, layout }: ForeignGraph['input'], preprocessing: Preprocessing) {
  const builder = new GraphBuilder()
  const { inputSize, mean, std } = preprocessing
  const pixels = builder.input('pixels', 'uint8', ['N', inputSize, inputSize, 3])
  const floats = builder.add('Cast', 'pixels/float', [pixels], { to: elementTypes.float32 })
  const centred = builder.add('Sub', 'pixels/centred', [
    floats,
    builder.floats('pixels/mean', Float32Array.from(mean), [3]),
  ])
  const normalised = builder.add('Div', 'pixels/normalised', [
    centred,
    builder.floats('pixels/std', Float32Array.from(std), [3]),
  ])
  const arranged =
    layout === 'channels last'
      ? normalised
      : builder.add('Transpose', 'pixels/planes', [normalised], { perm: [0, 3, 1, 2] })
  builder.add('Cast', prefix + name, [arranged], { to: elementType })
  return builder.build('imported', []).graph
}

function unitOutput({ name, dims }: ForeignValue, pooling: Pooling | undefined) {
  const builder = new GraphBuilder()
  const floats = builder.add('Cast', 'output/float', [prefix + name], { to: elementTypes.float32 })
  const vector = pooled(builder, floats, dims.length, pooling) // [N, D]
  const [zero, one] = [builder.integers('zero', [0]), builder.integers('one', [1])]
  // unlike the reductions, it has the same form in every opset
  const embedding = builder.add('LpNormalization', 'unit', [vector], { axis: 1, p: 2 })
  const logits = builder.add('Slice', 'none', [embedding, zero, zero, one]) // [N, 0]
  return builder.build('imported', [
    { name: 'embedding', value: embedding, shape: ['N', 'D'] },
    { name: 'logits', value: logits, shape: ['N', 0] },
  ]).graph
}

/** @returns [N, D] */
function pooled(builder: GraphBuilder, value: Value, rank: number, pooling: Pooling | undefined): Value {
  if (rank === 2) return value
  if (rank === 3 && pooling === 'first')
    return flat(builder, builder.add('Gather', 'token', [value, builder.integers('first', [0])], { axis: 1 }))
  if (rank === 3 && pooling === 'mean')
    return flat(builder, averaged(builder, builder.add('Transpose', 'features', [value], { perm: [0, 2, 1] })))
  if (rank === 4 && pooling === 'mean') return flat(builder, averaged(builder, value))
  throw unsupported(
    rank === 3
      ? 'Its output is a list of tokens: --pooling first takes the first one (the class token), --pooling mean their mean.'
      : rank === 4
        ? 'Its output is a map of features: --pooling mean takes the mean over the places.'
        : rank === 0
          ? 'The file does not say which shape its output has: run the shape inference of the onnx package on it.'
          : `Its output has ${rank} dimensions instead of 2: a vector for each picture.`,
  )
}

const averaged = (builder: GraphBuilder, value: Value) => builder.add('GlobalAveragePool', 'average', [value])
const flat = (builder: GraphBuilder, value: Value) => builder.add('Flatten', 'vector', [value], { axis: 1 })

function imageInput(declared: ValueInfoProto): ForeignGraph['input'] {
  const value = foreignValue(declared)
  const { name, dims, elementType } = value
  const [count, ...shape] = dims
  const layout: Layout = shape[2] === 3 && shape[0] !== 3 ? 'channels last' : 'channels first'
  const [height, width] = layout === 'channels last' ? shape : shape.slice(1)
  if (dims.length !== 4 || (layout === 'channels first' && (shape[0] ?? 3) !== 3) || height !== width)
    throw unsupported(`Its input ${describe(value)} is not a square picture in three colours.`)
  if (elementType !== elementTypes.float32 && elementType !== elementTypes.float16)
    throw unsupported(`Its input ${name} is neither float32 nor float16.`)
  if (count !== undefined)
    throw unsupported(`It takes exactly ${count} at a time: export it with a dynamic first dimension of ${name}.`)
  return { ...value, layout, size: height }
}

function foreignValue({ name, type }: ValueInfoProto): ForeignValue {
  const { elemType = 0, shape } = type?.tensorType ?? {}
  const dims = (shape?.dim ?? []).map((dim) => ('dimValue' in dim && dim.dimValue > 0 ? dim.dimValue : undefined))
  return { name, elementType: elemType, dims }
}

/** Weights of more than 2 GB, or saved so, are in another file, which the service would not find. */
function expectConstantsWithin(bytes: Buffer, parts: readonly Field[]): void {
  const isOutside = of(parts, fields.initializer).some(({ from, to }) =>
    fieldsOf(bytes, from, to).some(({ number }) => number === fields.externalData),
  )
  if (isOutside)
    throw unsupported('Its weights are in a second file: export it with external_data=False, or save it as one file.')
}

/** What `parse` finds in the bytes of a file. @throws AlikeError `import_unsupported`, also if they are no messages */
function parsed<Result>(parse: () => Result): Result {
  try {
    return parse()
  } catch (cause) {
    throw cause instanceof AlikeError ? cause : unsupported('It is not an ONNX file, or is damaged.', cause)
  }
}

/** The fields of a file's graph, and those beside it. @throws AlikeError `import_unsupported` if there is no graph */
function partsOf(bytes: Buffer): { graph: Field[]; rest: Field[] } {
  const all = fieldsOf(bytes, 0, bytes.length)
  const [graph] = of(all, fields.modelGraph)
  if (graph === undefined) throw unsupported('It is not an ONNX file.')
  return {
    graph: fieldsOf(bytes, graph.from, graph.to),
    rest: all.filter(({ number }) => number !== fields.modelGraph),
  }
}

const of = (parts: readonly Field[], number: number): Field[] => parts.filter((part) => part.number === number)
const bytesOf = (bytes: Buffer, parts: readonly Field[]): Buffer[] =>
  parts.map(({ start, to }) => bytes.subarray(start, to))
const message = (number: number, body: readonly Uint8Array[]): Uint8Array[] => [
  tagOf(
    number,
    body.reduce((sum, part) => sum + part.length, 0),
  ),
  ...body,
]
const namesOf = (values: readonly { name: string }[]): string => values.map(({ name }) => name).join(', ')
const describe = ({ name, dims }: ForeignValue): string => `${name} [${dims.map((dim) => dim ?? '?').join(', ')}]`
