/** Labelled pictures on disk, in any common layout. */
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AlikeError } from '../errors.js'
import { readCsv } from './csv.js'
import { readFolders } from './folders.js'
import type { LabelledImage } from './labelled-image.js'

/**
 * Reads `labels` (a CSV with `filename,label[,split][,duplicate_group]`) with its pictures in `folder` as files or in
 * tar archives; without a CSV, `folder/labels.csv` if it exists, else `folder/<label>/picture` or
 * `folder/<split>/<label>/picture`.
 * @throws AlikeError `data_unreadable`, saying what is wrong
 */
export async function readLabelledImages(folder: string, labels?: string): Promise<LabelledImage[]> {
  const csv = labels ?? `${folder}/labels.csv`
  const hasCsv = await stat(csv).then(
    (found) => found.isFile(),
    () => false,
  )
  if (labels !== undefined && !hasCsv)
    throw new AlikeError('data_unreadable', { detail: `The file of labels ${labels} cannot be read.` })
  const images = hasCsv ? await readCsv(csv, folder || dirname(csv)) : await readFolders(folder)
  if (images.length === 0)
    throw new AlikeError('data_unreadable', {
      detail:
        'There are no labelled pictures in the folder: they lie in folders of their labels, or labels.csv lists them.',
    })
  return images.map(inOneForm).sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** A label that looks the same is the same: Unicode has two forms of letters such as ä. The service stores it like this. */
const inOneForm = (image: LabelledImage): LabelledImage => ({ ...image, label: image.label.normalize('NFC') })
