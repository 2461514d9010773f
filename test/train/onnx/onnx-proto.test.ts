import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsOf } from '../../../src/embedding/protobuf-fields.js'
import { decodeModel, encodeGraph, encodeModel } from '../../../src/train/onnx/onnx-proto.js'

const varint = (value: number): Buffer =>
  value < 128
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value % 128) + 128]), varint(Math.floor(value / 128))])

/** A field of a protobuf message. */
function field(number: number, ...content: (Uint8Array | string)[]): Buffer {
  const bytes = Buffer.concat(content.map((part) => Buffer.from(part)))
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
}

const integer = (number: number, value: number): Buffer => Buffer.concat([varint(number * 8), varint(value)])
/** The largest of 64 bits, as the end of a slice that has none. */
const largest = (number: number): Buffer => Buffer.from([number * 8, ...Array<number>(8).fill(255), 127])

const tensor = Buffer.concat([integer(1, 2), integer(2, 1), field(4, Buffer.from(Float32Array.of(1.5, -2).buffer))])
const nested = Buffer.concat([encodeGraph({ name: 'inner' }), field(10, 'documentation of the inner graph')])
const attributes = [
  field(5, field(1, 'ends'), largest(3), integer(20, 2)),
  field(5, field(1, 'mode'), field(4, 'linear'), integer(20, 3)),
  field(5, field(1, 'value'), field(5, tensor), integer(20, 4)),
  field(5, field(1, 'body'), field(6, nested), integer(20, 5)),
  field(5, field(1, 'modes'), field(9, 'a'), field(9, 'b'), integer(20, 8)),
]
const node = field(
  1,
  field(1, 'x'),
  field(2, 'y'),
  field(3, 'n'),
  field(4, 'Any'),
  ...attributes,
  field(6, 'why'),
  field(7, 'own'),
)
const graph = field(
  7,
  node,
  field(2, 'g'),
  field(5, tensor, field(8, 'w')),
  field(13, field(1, 'y')),
  field(15, field(1, tensor)),
)
const file = Buffer.concat([
  integer(1, 8),
  graph,
  field(14, field(1, 'key'), field(2, 'value')),
  field(25, field(1, 'function')),
])

/** Fields of messages in the order of their numbers, and of those within. */
function sorted(bytes: Buffer, depth = 6): unknown {
  if (depth === 0) return bytes.toString('hex')
  try {
    return fieldsOf(bytes, 0, bytes.length)
      .map(({ number, from, to }) => [number, sorted(bytes.subarray(from, to), depth - 1)] as const)
      .sort(([a], [b]) => a - b)
  } catch {
    return bytes.toString('hex')
  }
}

test('what we do not read of a file is encoded again as it is, also in nested graphs', () => {
  assert.deepEqual(sorted(Buffer.from(encodeModel(decodeModel(file)))), sorted(file))
})

test('copies of messages keep it too', () => {
  const model = decodeModel(file)
  const node = model.graph.node.map((each) => ({ ...each, input: ['z'] }))
  const renamed = decodeModel(encodeModel({ ...model, graph: { ...model.graph, node } }))
  const expected = decodeModel(file)
  expected.graph.node[0]!.input = ['z']
  assert.deepEqual(renamed, expected)
  assert.match(Buffer.from(encodeModel(renamed)).toString('latin1'), /documentation of the inner graph/)
})
