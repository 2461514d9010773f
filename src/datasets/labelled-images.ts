/** Labelled pictures on disk, in any common layout. */
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AlikeError } from '../errors.js'
import { readCsv } from './csv.js'
import { type LeftOut, leftOutOf, readFolders } from './folders.js'
import type { LabelledImage } from './labelled-image.js'

/**
 * Reads `labels` (a CSV with `filename,label[,split][,duplicate_group]`) with its pictures in `folder` as files or in
 * tar archives; without a CSV, `folder/labels.csv` if it exists, else `folder/<label>/picture` or
 * `folder/<split>/<label>/picture`.
 * @throws AlikeError `dataset_unusable`, saying what is wrong
 */
export async function readLabelledImages(folder: string, labels?: string): Promise<LabelledImage[]> {
  const csv = csvOf(folder, labels)
  const hasCsv = await isFile(csv)
  if (labels !== undefined && !hasCsv)
    throw new AlikeError('dataset_unusable', { detail: `The file of labels ${labels} cannot be read.` })
  const images = hasCsv ? await readCsv(csv, folder || dirname(csv)) : await readFolders(folder)
  if (images.length === 0)
    throw new AlikeError('dataset_unusable', {
      detail:
        'There are no labelled pictures in the folder: they lie in folders of their labels, or labels.csv lists them.',
    })
  return images.map(inOneForm).sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** What `readLabelledImages` leaves out; nothing if a file lists the pictures. */
export async function leftOut(folder: string, labels?: string): Promise<LeftOut> {
  return (await isFile(csvOf(folder, labels))) ? { pictures: [], folders: [] } : leftOutOf(folder)
}

const csvOf = (folder: string, labels?: string): string => labels ?? `${folder}/labels.csv`

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )

/** A label that looks the same is the same: Unicode has two forms of letters such as ä. The service stores it like this. */
const inOneForm = (image: LabelledImage): LabelledImage => ({ ...image, label: image.label.normalize('NFC') })
