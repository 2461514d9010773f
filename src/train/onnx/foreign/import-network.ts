/** Makes the folder of a network from an ONNX file of another framework, all or nothing. */
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { SplitImage } from '../../../datasets/split.js'
import { embeddingDimensionMax, type ModelManifest } from '../../../embedding/model-manifest.js'
import { prepareImage } from '../../../image/prepare.js'
import { inputSizes, type Preprocessing, shortSides } from '../../../image/preprocessing.js'
import { drawGolden } from '../../golden/drawings.js'
import { importedArchitecture } from '../../weights/weight-format.js'
import { describedManifest, writeManifest, writeModelFolder } from '../model-folder.js'
import { type OnnxSession, openOnnx } from '../onnx-session.js'
import { type Calibrated, calibrateOn } from './calibrate-imported.js'
import { outputOf, type Pooling, readForeignGraph, wrapForeignGraph } from './foreign-graph.js'
import { unsupported, unsupportedFor } from './unsupported.js'

export interface ImportOptions {
  file: string
  /** To be recorded. Default: the name of the file. */
  importedFrom?: string | undefined
  name: string
  /** Where the network's folder goes. */
  out: string
  /** `inputSize` and `resizeShortSide` are those of the graph by default. */
  preprocessing: Omit<Preprocessing, 'inputSize' | 'resizeShortSide'> & {
    inputSize: number | undefined
    resizeShortSide: number | undefined
  }
  output: string | undefined
  pooling: Pooling | undefined
  /** Labelled pictures that relate its scores to labels. None: nothing does. */
  images?: readonly SplitImage[] | undefined
  now: Date
  log?: ((line: string) => void) | undefined
  /** Ends it: nothing is left behind, and its reason is thrown. */
  stop?: AbortSignal | undefined
}

export interface Imported {
  folder: string
  manifest: ModelManifest
  /** The output that the embedding is made of. */
  output: string
  /** How well it ranks the labelled pictures. */
  quality?: Calibrated['quality'] | undefined
}

/** @throws AlikeError `import_unsupported`, `dataset_unusable`; nothing is left behind */
export async function importNetwork({
  file,
  importedFrom = basename(file),
  name,
  out,
  output,
  pooling,
  images,
  now,
  log = () => {},
  stop,
  ...given
}: ImportOptions): Promise<Imported> {
  const foreign = readForeignGraph(await bytesIn(file))
  const preprocessing = preprocessingOf(given.preprocessing, foreign.input.size)
  const chosen = outputOf(foreign, output)
  const graph = wrapForeignGraph(foreign, { preprocessing, output: chosen, pooling })
  const embeddingDimension = await provenDimension(graph, preprocessing)
  const folder = resolve(out, name)
  return writeModelFolder(folder, async (draft) => {
    await writeFile(join(draft, 'model.onnx'), graph)
    const provenance = { importedFrom, output: chosen.name, ...(pooling && { pooling }) }
    const described = {
      name,
      architecture: importedArchitecture,
      embeddingDimension,
      preprocessing,
      labels: [],
      provenance,
    }
    const plain = await describedManifest(draft, described, now)
    const calibrated = images && (await calibrateOn(images, { folder: draft, manifest: plain }, { log, stop }))
    const manifest = calibrated === undefined ? plain : { ...plain, calibration: calibrated.calibration }
    await writeManifest(draft, manifest)
    stop?.throwIfAborted()
    return { folder, manifest, output: chosen.name, quality: calibrated?.quality }
  })
}

async function bytesIn(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_FS_FILE_TOO_LARGE') throw cause
    throw unsupported('It is larger than 2 GB, which no ONNX file with its weights can be.', cause)
  }
}

function preprocessingOf(given: ImportOptions['preprocessing'], size: number | undefined): Preprocessing {
  const inputSize = given.inputSize ?? size
  if (inputSize === undefined)
    throw unsupported('It takes pictures of any size: state one with --input-size, a multiple of its patches.')
  const { minimum, maximum } = inputSizes
  if (inputSize < minimum || inputSize > maximum)
    throw unsupported(`It takes pictures of ${inputSize} × ${inputSize} pixels; ${minimum} to ${maximum} are possible.`)
  if (size !== undefined && inputSize !== size)
    throw unsupported(`It takes pictures of ${size} × ${size} pixels only, not of ${inputSize} × ${inputSize}.`)
  const resizeShortSide = given.resizeShortSide ?? inputSize
  const resized = `Pictures would be resized to a short side of ${resizeShortSide} pixels`
  if (resizeShortSide < inputSize)
    throw unsupported(`${resized}; --short-side must be at least ${inputSize}, the input size.`)
  if (resizeShortSide > shortSides.maximum)
    throw unsupported(`${resized}; ${shortSides.minimum} to ${shortSides.maximum} are possible.`)
  const { mean, std } = given
  if (![...mean, ...std].every(Number.isFinite) || std.some((one) => one <= 0))
    throw unsupported('The mean of each colour must be finite, and its standard deviation above 0.')
  return { ...given, inputSize, resizeShortSide }
}

/** Largest difference between a picture's embedding alone and in a batch. */
const batchDifferenceMax = 1e-3

/** Runs synthetic pictures, one by one and together. @returns the length of an embedding */
async function provenDimension(graph: Uint8Array, preprocessing: Preprocessing): Promise<number> {
  const session = await openOnnx(graph).catch((cause: unknown) => {
    throw unsupportedFor('ONNX Runtime cannot open it', cause)
  })
  try {
    const prepared = drawGolden().map(({ png }) => prepareImage(png, { preprocessing, maxPixels: 1e6 }))
    const pictures = (await Promise.all(prepared)).map(({ pixels }) => pixels)
    const alone = await Promise.all(pictures.map((picture) => embed(session, picture, preprocessing)))
    const together = await embed(session, Buffer.concat(pictures), preprocessing)
    const dimension = alone[0]!.length
    if (dimension < 2 || dimension > embeddingDimensionMax)
      throw unsupported(`Its embeddings have ${dimension} numbers; 2 to ${embeddingDimensionMax} are possible.`)
    const differs = alone.some((embedding, i) =>
      // written so that NaN differs
      embedding.some((x, j) => !(Math.abs(x - together[i * dimension + j]!) <= batchDifferenceMax)),
    )
    if (differs)
      throw unsupported('Its embedding of a picture is not finite, or depends on the other pictures of a batch.')
    if (alone.every((embedding) => embedding.every((x, j) => x === alone[0]![j])))
      throw unsupported('It has the same embedding for every picture: another output may be the right one.')
    return dimension
  } finally {
    await session.close()
  }
}

async function embed(session: OnnxSession, pixels: Uint8Array, { inputSize }: Preprocessing): Promise<Float32Array> {
  try {
    return (await session.run(pixels, inputSize)).embedding
  } catch (cause) {
    throw unsupportedFor('It cannot be run', cause)
  }
}
