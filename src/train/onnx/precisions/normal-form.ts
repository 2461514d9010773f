/**
 * The graph of another framework in the form that precisions are made of: weights are constants, batch normalisation is part of its
 * convolution, and what no picture changes is computed once. Whatever we do not read stays as it is.
 */
import type { Value } from '../graph-builder.js'
import { decodeModel, encodeModel, type ModelProto, type NodeProto, opsetsIn } from '../onnx-proto.js'
import { optimised, type ProbedTensor, runAll } from '../onnx-session.js'
import { GraphFacts, valuesReadBy, withGraph } from './graph-facts.js'

/**
 * With the operators' versions of the file: ONNX Runtime states those of all that it knows.
 * @param file an imported network
 * @param size of its pictures
 */
export async function normalForm(file: Uint8Array, size: number): Promise<ModelProto> {
  const model = withoutUnread(decodeModel(await optimised(file)))
  return withoutUnread(await folded({ ...model, opsetImport: opsetsIn(file) }, size))
}

/** ONNX Runtime computes what nobody reads, such as a second output of the network that an import has left out. */
function withoutUnread(model: ModelProto): ModelProto {
  const read = new Set<Value>(model.graph.output.map(({ name }) => name))
  const kept: NodeProto[] = []
  for (const node of [...model.graph.node].reverse()) {
    if (!node.output.some((value) => read.has(value))) continue
    kept.unshift(node)
    for (const value of valuesReadBy(node)) read.add(value)
  }
  return withGraph(model, kept, model.graph.initializer)
}

/** Embeddings of positions, for example, are resized to the pictures' size in each run, a quarter of the time of a small ViT in int8. */
async function folded(model: ModelProto, size: number): Promise<ModelProto> {
  const values = sameForAllPictures(model)
  if (values.length === 0) return model
  const probe = encodeModel({ ...model, graph: { ...model.graph, output: values.map((name) => ({ name })) } })
  const [one, three] = await Promise.all([1, 3].map((count) => runAll(probe, count, size)))
  const constants = values.flatMap((value) => {
    const [a, b] = [one!.get(value), three!.get(value)]
    return a !== undefined && b !== undefined && isEqual(a, b) ? [{ name: value, ...a }] : []
  })
  const known = new Set(constants.map(({ name }) => name))
  const nodes = model.graph.node.filter(({ output }) => !output.some((value) => known.has(value)))
  return withGraph(model, nodes, [...model.graph.initializer, ...constants])
}

/** Values that nodes with pictures' data read, and that depend on the shapes of values at most. */
function sameForAllPictures({ graph }: ModelProto): Value[] {
  const ofPictures = new Set(graph.input.map(({ name }) => name))
  const found = new Set<Value>()
  const facts = new GraphFacts({ graph })
  for (const node of graph.node) {
    const reads = valuesReadBy(node)
    if (node.opType === 'Shape' || node.opType === 'Size' || !reads.some((value) => ofPictures.has(value))) continue
    for (const value of node.output) ofPictures.add(value)
    // a node with several outputs is left as it is
    for (const value of reads)
      if (!ofPictures.has(value) && facts.producer(value)?.output.length === 1) found.add(value)
  }
  return [...found]
}

function isEqual(a: ProbedTensor, b: ProbedTensor): boolean {
  return a.dims.join() === b.dims.join() && Buffer.compare(a.rawData, b.rawData) === 0
}
