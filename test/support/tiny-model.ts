/** A real network for tests: trained and exported here within seconds, on pictures drawn by the test. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultSettings, type TrainSettings } from '../../src/train/settings.js'
import { trainFromNothing } from '../../src/train/train-from-nothing.js'
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
    learningRate: { peak: 0.01, warmupEpochs: 1 },
    averageDecay: 0.8,
  }
}

let made: Promise<string> | undefined

/** The model folder, created once per process and removed with it. */
export function tinyModel(): Promise<string> {
  return (made ??= makeTinyModel())
}

async function makeTinyModel(): Promise<string> {
  const folder = await folderOfProcess('alike-tiny-')
  await writeDrawnImages(join(folder, 'pictures'))
  const trained = await trainFromNothing(tinySettings(folder), () => {}, new AbortController().signal)
  return trained.folder!
}
