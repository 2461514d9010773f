/** A folder as exporters leave it and model hubs keep it: an ONNX file, and what its preprocessing is. */
import type { Stats } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { hasCode } from '../../../errors.js'
import type { Preprocessing } from '../../../image/preprocessing.js'
import type { ImportOptions } from './import-network.js'
import { type StatedPreprocessing, timmPreprocessing, transformersPreprocessing } from './preprocessor-config.js'
import { unsupported, unsupportedFor, withOptions } from './unsupported.js'

export interface ExportedNetwork {
  /** The ONNX file. */
  file: string
  /** To be recorded: where it is in the folder, or its name. */
  importedFrom: string
  /** Of the folder; undefined if it says nothing. */
  stated?: Stated | undefined
}

interface Stated {
  /** Name of the file. */
  by: string
  preprocessing: StatedPreprocessing
}

/** Where exporters put it; the first is the half for pictures of a network for pictures and text. */
const networkFiles = ['vision_model.onnx', 'model.onnx'].flatMap((name) => [name, join('onnx', name)])

/**
 * @param path an ONNX file, or a folder with one
 * @param options `optionsSuffice` to import a file: its folder is not looked at
 * @throws AlikeError `import_unsupported`; Error if there is no such file
 */
export async function exportedNetwork(
  path: string,
  { optionsSuffice = false }: { optionsSuffice?: boolean } = {},
): Promise<ExportedNetwork> {
  const isFolder = (await stat(path)).isDirectory()
  const file = isFolder ? join(path, await networkIn(path)) : path
  const named = resolve(isFolder ? path : dirname(path))
  const found = !isFolder && optionsSuffice ? undefined : await statedAround(named)
  const root = found?.folder ?? (isFolder ? named : undefined)
  return {
    file,
    importedFrom: root === undefined ? basename(file) : relative(dirname(root), resolve(file)),
    stated: found?.stated,
  }
}

async function networkIn(folder: string): Promise<string> {
  const found = await Promise.all(networkFiles.map(async (name) => (await statOf(join(folder, name)))?.isFile()))
  const name = networkFiles.find((_, i) => found[i])
  if (name === undefined) throw unsupported(`The folder has none of ${networkFiles.join(', ')}: name the ONNX file.`)
  return name
}

/** Exporters that put networks into a folder `onnx` state their preprocessing in the one above. */
async function statedAround(folder: string): Promise<{ folder: string; stated: Stated } | undefined> {
  for (const place of basename(folder) === 'onnx' ? [folder, dirname(folder)] : [folder]) {
    const stated = await statedIn(place)
    if (stated !== undefined) return { folder: place, stated }
  }
  return undefined
}

/** @returns undefined if there is nothing */
const statOf = (path: string): Promise<Stats | undefined> => stat(path).catch(() => undefined)

interface Statement {
  /** Name of the file. */
  by: string
  read(content: Json): StatedPreprocessing | undefined
}

/** Files that may state the preprocessing, the newest form first. */
const statements: readonly Statement[] = [
  // Transformers 5, of networks for pictures and text; without an `image_processor` it is about something else
  {
    by: 'processor_config.json',
    read: ({ image_processor: config }) => (isAbsent(config) ? undefined : transformersPreprocessing(config)),
  },
  { by: 'preprocessor_config.json', read: transformersPreprocessing },
  // timm, also when Transformers wraps it
  {
    by: 'config.json',
    read: (content) => (isAbsent(content['pretrained_cfg']) ? undefined : timmPreprocessing(content)),
  },
]

/** Versions of the libraries prefer different files. @throws AlikeError `import_unsupported` if files contradict each other */
async function statedIn(folder: string): Promise<Stated | undefined> {
  const contents = await Promise.all(statements.map(({ by }) => jsonIn(folder, by)))
  const found = statements.flatMap((statement, i) => {
    const preprocessing = contents[i] && readNamed(statement, contents[i])
    return preprocessing === undefined ? [] : [{ by: statement.by, preprocessing }]
  })
  const [first, ...others] = found
  for (const { by, preprocessing } of others)
    if (!isSame(first!.preprocessing, preprocessing))
      throw unsupported(`${first!.by} and ${by} state different preprocessing. ${withOptions}`)
  return first
}

/** @throws AlikeError `import_unsupported`, naming the file */
function readNamed({ by, read }: Statement, content: Json): StatedPreprocessing | undefined {
  try {
    return read(content)
  } catch (error) {
    if (!hasCode(error, 'import_unsupported')) throw error
    throw unsupported(`${by}: ${error.detail}`, error)
  }
}

type Json = Readonly<Record<string, unknown>>

const isAbsent = (value: unknown): boolean => value === undefined || value === null

/** Colours are computed in different ways. */
function isSame(a: StatedPreprocessing, b: StatedPreprocessing): boolean {
  const geometry = ({ fit, inputSize, resizeShortSide, kernel }: StatedPreprocessing) =>
    [fit, inputSize, resizeShortSide, kernel].join()
  const numbers = ({ mean, std }: StatedPreprocessing) => [...mean, ...std]
  return geometry(a) === geometry(b) && numbers(a).every((one, i) => Math.abs(one - numbers(b)[i]!) < 1e-3)
}

/** Python writes and reads numbers that JSON does not have. They become texts, which are refused where a number belongs. */
const withoutNaN = (text: string): string =>
  text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|NaN/g, (found) => (found.startsWith('"') ? found : `"${found}"`))

/** @returns undefined if there is no such file */
async function jsonIn(folder: string, name: string): Promise<Json | undefined> {
  let content: unknown
  try {
    content = JSON.parse(withoutNaN(await readFile(join(folder, name), 'utf8')))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unsupportedFor(`${name} cannot be read`, cause)
  }
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content as Json
  throw unsupported(`${name} is not a JSON object.`)
}

/**
 * What the folder says, except for what the options say. Of a larger or smaller input, the same share is cut out of a picture.
 * @throws AlikeError `import_unsupported` if neither says how colours are scaled
 */
export function chosenPreprocessing(
  options: { [Name in keyof Preprocessing]: Preprocessing[Name] | undefined },
  stated: Partial<StatedPreprocessing> = {},
): ImportOptions['preprocessing'] {
  const { inputSize = stated.inputSize, fit = stated.fit ?? 'cover', kernel = stated.kernel ?? 'cubic' } = options
  const { mean = stated.mean, std = stated.std } = options
  if (mean === undefined || std === undefined)
    throw unsupported(
      'State how it scales colours, with --mean and --std: its folder has no preprocessor_config.json or processor_config.json that does.',
    )
  const { resizeShortSide: short, inputSize: cut } = stated
  const sameShare = short && cut && inputSize && fit === 'cover' ? Math.round((short * inputSize) / cut) : undefined
  return { inputSize, fit, resizeShortSide: options.resizeShortSide ?? sameShare, kernel, mean, std }
}
