/**
 * Uses a network folder of this project as starting weights: to continue training, or to fine-tune a served network on
 * other pictures.
 */
import { type Model, type ModelManifest, readModel } from '../../embedding/model-manifest.js'
import { AlikeError } from '../../errors.js'
import type { ResNetVariant } from '../models/resnet50.js'
import { encoderOf } from '../onnx/foreign/encoder.js'
import { elementTypes, type ModelProto } from '../onnx/onnx-proto.js'
import { type FloatGraph, readFloatGraph } from '../onnx/precisions/float-graph.js'
import { floatsOf } from '../onnx/precisions/graph-facts.js'
import { foldedLite0Layers } from './efficientnet-lite0-format.js'
import { layersFrom, widthsOf } from './resnet50-formats.js'
import { kernelFromChannelsFirst, tensorOf } from './tensor-layout.js'
import { importedArchitecture, type StartingWeights, type TensorsByName, type WeightFormat } from './weight-format.js'

/** The graph of a network folder, with its constants as the exporter named them. */
export interface OwnGraph extends FloatGraph {
  manifest: ModelManifest
  architecture: WeightFormat['architecture']
  tensors: TensorsByName
}

const usable: readonly WeightFormat['architecture'][] = ['resnet50', 'efficientnet-lite0']

/**
 * Everything but the head, which belongs to the labels it was trained on.
 * @throws AlikeError `model_unreadable`, `weights_unreadable`.
 */
export async function readOwnModel(folder: string): Promise<StartingWeights> {
  const own = await readModel(folder)
  return own.manifest.architecture === importedArchitecture
    ? importedWeights(own)
    : weightsOf(await readOwnGraph(own, 'starting weights'))
}

/** Its bytes stay as they are; a head is trained on its vectors. */
function importedWeights(own: Model): StartingWeights {
  const { id, name, preprocessing, labels, files, provenance } = own.manifest
  if (labels.length > 0) throw unreadable(own.manifest, 'already has a head: start from the imported network itself')
  return {
    architecture: importedArchitecture,
    description: `imported network ${name}, model ${id}, from ${String(provenance['importedFrom'])}`,
    file: `${name}/${files.fp32.file}`,
    sha256: files.fp32.sha256,
    layers: new Map(),
    preprocessing,
    encoder: encoderOf(own),
  }
}

/** @throws AlikeError `weights_unreadable` */
export async function readOwnGraph(own: Model, purpose: 'starting weights' | 'teachers'): Promise<OwnGraph> {
  const { manifest } = own
  const architecture = usable.find((name) => name === manifest.architecture)
  if (architecture === undefined)
    throw unreadable(
      manifest,
      `has the architecture ${manifest.architecture}; only ${usable.join(' and ')} can be used as ${purpose}`,
    )
  const found = await readFloatGraph(own)
  if (found === undefined) throw unreadable(manifest, 'has neither its fp32 nor its fp16 file')
  return { ...found, manifest, architecture, tensors: constantsOf(found.graph) }
}

/**
 * Everything but the head, with the norms folded into the convolutions: it is trained on without them.
 * @throws AlikeError `weights_unreadable` if a layer is missing.
 */
export function weightsOf(own: OwnGraph): StartingWeights {
  const { manifest, architecture, source, tensors } = own
  const { id, name, preprocessing } = manifest
  const { file, sha256 } = manifest.files[source]!
  const from = { preprocessing, file: `${name}/${file}`, sha256 }
  if (architecture === 'efficientnet-lite0') {
    const description = `EfficientNet-Lite0 of this project, model ${id}, ${source}`
    return { ...from, architecture, description, layers: foldedLite0Layers(tensors), folded: true }
  }
  const layers = layersFrom((layer) => [
    kernelFromChannelsFirst(tensorOf(tensors, `${layer}/kernel`)),
    tensorOf(tensors, `${layer}/bias`),
  ])
  return {
    ...from,
    architecture,
    description: `ResNet-50 of this project, model ${id}, ${source}`,
    layers,
    resnet: { ...layoutOf(own), ...widthsOf(layers) },
  }
}

/** Named as by the exporter. */
function constantsOf({ graph }: ModelProto): TensorsByName {
  const floats = graph.initializer.filter(({ dataType }) => dataType === elementTypes.float32)
  return new Map(
    floats.map((constant) => [
      constant.name,
      { name: constant.name, shape: constant.dims, values: floatsOf(constant) },
    ]),
  )
}

/** Layout facts that the weights alone do not reveal. */
function layoutOf({ graph: { graph }, manifest }: OwnGraph): Pick<ResNetVariant, 'stride' | 'poolPad'> {
  const halving = graph.node
    .find(({ name }) => name === 'layer2.0.conv1')
    ?.attribute.find(({ name }) => name === 'strides')?.ints
  const pads = graph.initializer.find(({ name }) => name === 'maxpool.pad/pads')
  if (halving === undefined || pads === undefined) throw unreadable(manifest, 'was not written by this exporter')
  // int64 zeros before and after each of the four axes: the third is above the map
  const [, , above] = new BigInt64Array(Uint8Array.from(pads.rawData).buffer)
  return { stride: halving[0] === 2 ? 'first' : 'middle', poolPad: above === 0n ? 'end' : 'all-around' }
}

export function unreadable({ name }: ModelManifest, reason: string): AlikeError {
  return new AlikeError('weights_unreadable', { detail: `${name} ${reason}.` })
}
