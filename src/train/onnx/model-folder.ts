/** The folder of a network that only has its fp32 file yet: written beside its place, and renamed last. */
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type ModelManifest, modelId, sha256OfFile } from '../../embedding/model-manifest.js'
import { removeAbandoned, unfinishedName } from '../abandoned.js'
import { writeGolden } from '../golden/write-golden.js'

/**
 * All or nothing.
 * @param folder absolute; an existing one is replaced as a whole
 * @param write fills the draft of the folder
 */
export async function writeModelFolder<Result>(
  folder: string,
  write: (draft: string) => Promise<Result>,
): Promise<Result> {
  const prefix = `.${basename(folder)}.draft-`
  const draft = join(dirname(folder), unfinishedName(prefix))
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { recursive: true })
  try {
    const result = await write(draft)
    await replaceFolder(draft, folder)
    await removeAbandoned(dirname(folder), prefix)
    return result
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** What a manifest says about a network besides its files. */
export interface Described
  extends Pick<ModelManifest, 'name' | 'architecture' | 'embeddingDimension' | 'preprocessing' | 'provenance'> {
  labels: readonly string[]
  calibration?: ModelManifest['calibration'] | undefined
}

/** Writes manifest and golden pictures beside `model.onnx`. */
export async function writeManifest(folder: string, described: Described, now: Date): Promise<ModelManifest> {
  const file = 'model.onnx'
  const sha256 = await sha256OfFile(join(folder, file))
  const { name, architecture, embeddingDimension, preprocessing, labels, calibration, provenance } = described
  const manifest: ModelManifest = {
    manifestVersion: 1,
    id: modelId(sha256, preprocessing),
    name,
    architecture,
    createdAt: now.toISOString(),
    embeddingDimension,
    preprocessing,
    labels: [...labels],
    files: { fp32: { file, sha256, bytes: (await stat(join(folder, file))).size } },
    ...(calibration && { calibration }),
    provenance,
  }
  await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  await writeGolden({ folder, manifest })
  return manifest
}

/** A folder cannot be renamed over a non-empty one: the old one is moved aside first. */
async function replaceFolder(draft: string, folder: string): Promise<void> {
  const old = `${draft}-old`
  const replaced = await rename(folder, old).then(
    () => true,
    () => false,
  )
  await rename(draft, folder)
  if (replaced) await rm(old, { recursive: true, force: true })
}
