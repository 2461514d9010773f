/** Reads a whole database file that no process has open, checks every row and summarises the content. */

import { GalleryTable } from '../catalogue/gallery-table.js'
import { SetTable } from '../catalogue/set-table.js'
import { verifyAll } from '../images/image-damage.js'
import { errorRows } from '../jobs/job-error-rows.js'
import { resultRows } from '../jobs/job-result-rows.js'
import { jobRows } from '../jobs/stored-job-row.js'
import { decisionRows } from '../judgements/decision-table.js'
import { feedbackRows } from '../judgements/feedback-table.js'
import { GalleryScans } from '../reading/gallery-scans.js'
import { checkRows } from './checksum.js'
import { type Database, damaged, hasTable, openForReading, withDatabase } from './database.js'
import { versionOf } from './schema.js'

export interface DatabaseContents {
  schemaVersion: number
  /** By name, ascending. */
  galleries: { name: string; modelId: string; dimension: number; images: number }[]
  /** Total over all galleries. */
  images: number
  /** Names of galleries with a damaged record; omitted when there are none. Nothing else about them is reported. */
  damagedGalleries?: string[]
  /** Pictures with a damaged record, embedding, thumbnail or copy descriptor; omitted when there are none. */
  damagedImages?: { count: number; first: { gallery: string; id: string }[] }
}

/** Maximum damaged galleries and pictures listed. */
const namedMax = 100

const rowsBetweenPauses = 1_000

/**
 * @param onPause called periodically; throwing ends the check
 * @throws AlikeError `data_unreadable`, saying what is damaged
 */
export function examineDatabase(path: string, onPause: () => void = () => {}): DatabaseContents {
  return withDatabase(() => {
    const database = openForReading(path)
    try {
      const schemaVersion = versionOf(database)
      if (schemaVersion === 0) throw damaged('The database has no tables.')
      const damagedImages = verifyRows(database, onPause)
      const rows = listGalleries(database)
      const galleries = summarise(database, rows)
      const firstDamaged = withNames(database, rows, damagedImages.slice(0, namedMax))
      const damagedGalleries = rows.filter(({ isDamaged }) => isDamaged).map(({ name }) => name)
      return {
        schemaVersion,
        galleries,
        images: galleries.reduce((sum, { images }) => sum + images, 0),
        ...(damagedGalleries.length > 0 && { damagedGalleries: damagedGalleries.slice(0, namedMax) }),
        ...(damagedImages.length > 0 && { damagedImages: { count: damagedImages.length, first: firstDamaged } }),
      }
    } finally {
      database.close()
    }
  })
}

/** A picture, by the number of its set. */
interface DamagedImage {
  gallery: number
  id: string
}

/**
 * @returns the damaged pictures
 * @throws AlikeError `data_unreadable` for anything else that is damaged
 */
function verifyRows(database: Database, onPause: () => void): DamagedImage[] {
  new GalleryScans(database).verify()
  onPause()
  let read = 0
  const onRow = () => void (++read % rowsBetweenPauses === 0 && onPause())
  const damagedImages = new Map<string, DamagedImage>()
  verifyAll(database, onRow, ({ gallery, id }) => damagedImages.set(`${gallery} ${id}`, { gallery, id }))
  checkRows(database, 'job', jobRows, onRow)
  checkRows(database, 'job_error', errorRows, onRow)
  checkRows(database, 'job_result', resultRows, onRow)
  if (hasTable(database, 'decision')) checkRows(database, 'decision', decisionRows, onRow)
  if (hasTable(database, 'feedback')) checkRows(database, 'feedback', feedbackRows, onRow)
  // the service does without a damaged layout, webhook or removed set, so it must not refuse to be restored for one
  return [...damagedImages.values()]
}

type ListedGallery = ReturnType<typeof listGalleries>[number]

function listGalleries(database: Database) {
  return Array.from(
    new GalleryTable(database, { damagedRecords: 'named' }).list(),
    ({ gallery: { number, name }, set, isDamaged }) => ({ number, name: name ?? '', set, isDamaged }),
  )
}

function summarise(database: Database, rows: readonly ListedGallery[]): DatabaseContents['galleries'] {
  const counted = database.prepare<[number], number>('SELECT count(*) FROM image WHERE gallery = ?').pluck()
  return rows.map(({ name, set, isDamaged }) => ({
    name,
    modelId: set.model_id,
    dimension: set.dimension,
    images: isDamaged ? counted.get(set.number)! : set.count,
  }))
}

function withNames(
  database: Database,
  rows: readonly ListedGallery[],
  images: readonly DamagedImage[],
): { gallery: string; id: string }[] {
  const sets = new SetTable(database)
  const names = new Map(
    rows.flatMap(({ number, name, set, isDamaged }) =>
      (isDamaged ? [set] : sets.wholeOf(number)).map((one): [number, string] => [one.number, name]),
    ),
  )
  return images.map(({ gallery, id }) => ({ gallery: names.get(gallery) ?? '', id }))
}
