/** A real network for tests: trained and exported here within seconds, on pictures drawn by the test. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defaultSettings, type TrainSettings } from '../../src/train/settings.js'
import { trainFromScratch } from '../../src/train/train-from-scratch.js'
import { drawImage, drawnLabels } from './drawn-images.js'
import { folderOfProcess } from './temporary-folder.js'

/** Number of drawn pictures per label and split. */
export const drawnCounts = { train: 20, val: 8, test: 8 } as const

/** Writes drawn pictures as `folder/split/label/number.jpg`. Seeds of different splits differ. */
export async function writeDrawnImages(folder: string, counts: Record<string, number> = drawnCounts): Promise<void> {
  let seed = 1
  for (const [split, count] of Object.entries(counts)) {
    for (const label of drawnLabels) {
      await mkdir(join(folder, split, label), { recursive: true })
      for (let index = 0; index < count; index++)
        await writeFile(join(folder, split, label, `${index}.jpg`), await drawImage(label, seed++))
    }
  }
}

/** 32×32 input, 16-d embedding, two convolutions: the smallest network that still distinguishes the shapes. */
export function tinySettings(folder: string): TrainSettings {
  return {
    ...defaultSettings,
    name: 'tiny',
    data: join(folder, 'pictures'),
    out: join(folder, 'onnx'),
    work: join(folder, 'work'),
    backend: 'wasm',
    epochs: 6,
    batch: { classes: 4, samples: 4 },
    preprocessing: { ...defaultSettings.preprocessing, inputSize: 32, resizeShortSide: 32 },
    smallInput: { side: 32, share: 0 },
    augmentation: { minScale: 0.6, colourJitter: 0.2, eraseShare: 0 },
    network: { widths: [12, 24], depth: 1, embeddingDimension: 16, scale: 8, normMomentum: 0.7 },
    learningRate: { peak: 0.01, warmupEpochs: 1, minWarmupSteps: 0 },
    averageDecay: 0.8,
  }
}

let made: Promise<string> | undefined

/** The model folder, copied for this process and removed with it; `../../pictures` is what it was trained on. */
export function tinyModel(): Promise<string> {
  return (made ??= copyOfTinyModel())
}

/** A dozen test files use it, and training takes ten seconds of processor time: it is kept beside the build that made it. */
const dist = fileURLToPath(new URL('../../', import.meta.url))
const keptParts = ['pictures', 'onnx']

async function copyOfTinyModel(): Promise<string> {
  const own = await folderOfProcess('alike-tiny-')
  const kept = join(dist, '.tiny-model', await buildHash())
  if (!existsSync(kept)) {
    await writeDrawnImages(join(own, 'pictures'))
    await trainFromScratch(tinySettings(own), () => {}, new AbortController().signal)
    await keep(own, kept)
  } else for (const part of keptParts) await cp(join(kept, part), join(own, part), { recursive: true })
  const { out, name } = tinySettings(own)
  return join(out, name)
}

/** Of several processes that trained it at the same time, the first keeps it. */
async function keep(own: string, kept: string): Promise<void> {
  const folders = dirname(kept)
  await mkdir(folders, { recursive: true })
  const part = await mkdtemp(join(folders, '.part-'))
  for (const name of keptParts) await cp(join(own, name), join(part, name), { recursive: true })
  await rename(part, kept).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  })
  const former = (await readdir(folders)).filter((name) => !name.startsWith('.') && name !== basename(kept))
  for (const name of former) await rm(join(folders, name), { recursive: true, force: true })
}

/** Another one for whatever may change what comes out of training. */
async function buildHash(): Promise<string> {
  const hash = createHash('sha256')
  const files = (await readdir(join(dist, 'src'), { recursive: true })).filter((file) => file.endsWith('.js')).sort()
  const others = ['test/support/tiny-model.js', 'test/support/drawn-images.js', '../package-lock.json']
  for (const file of [...files.map((name) => join('src', name)), ...others])
    hash.update(file).update(await readFile(join(dist, file)))
  return hash.digest('hex').slice(0, 16)
}
