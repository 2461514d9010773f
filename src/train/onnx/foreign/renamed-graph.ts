/** Renames every value and node of an ONNX graph in its bytes, in nested graphs too; constants are not copied. */
import { type Field, fieldsOf, tagOf } from '../../../embedding/protobuf-fields.js'

/** What a field of a message contains: a name, or a message with names. */
type Names = { readonly [field: number]: 'name' | Names }

/** Field numbers of onnx.proto. */
const valueInfo: Names = { 1: 'name' }
const attribute: { [field: number]: Names } = {}
// the names of nodes are unique too
const node: Names = { 1: 'name', 2: 'name', 3: 'name', 5: attribute }
const tensor: Names = { 8: 'name' }
const sparse: Names = { 1: tensor }
const graph: Names = { 1: node, 5: tensor, 11: valueInfo, 12: valueInfo, 13: valueInfo, 15: sparse }
attribute[6] = graph // the branches of If, the body of Loop
attribute[11] = graph

/** @param parts fields of a GraphProto */
export function renamed(bytes: Buffer, parts: readonly Field[], prefix: string): Buffer {
  return Buffer.concat(rewritten(bytes, parts, graph, prefix))
}

function rewritten(bytes: Buffer, parts: readonly Field[], names: Names, prefix: string): Buffer[] {
  return parts.flatMap(({ number, start, from, to }) => {
    const inside = names[number]
    if (inside === undefined) return [bytes.subarray(start, to)]
    const content =
      inside === 'name'
        ? // an empty name is an input that is left out, or a node without a name
          [from === to ? Buffer.alloc(0) : Buffer.from(prefix), bytes.subarray(from, to)]
        : rewritten(bytes, fieldsOf(bytes, from, to), inside, prefix)
    const length = content.reduce((sum, part) => sum + part.length, 0)
    return [tagOf(number, length), ...content]
  })
}
