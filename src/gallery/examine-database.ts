/** Reads all of a database file that no process has open: is every row whole, and what is in it? */
import { damaged, openForReading, withDatabase } from './database.js'
import { GalleryScans } from './gallery-scans.js'
import { GalleryTable } from './gallery-table.js'
import { ImageTable } from './image-table.js'
import { JobTable } from './job-table.js'
import { versionOf } from './schema.js'

export interface DatabaseContents {
  schemaVersion: number
  /** By name, ascending. */
  galleries: { name: string; modelId: string; dimension: number; images: number }[]
  /** Over all galleries. */
  images: number
  /** Pictures whose record is not whole; left out when all are. Everything else of them is. */
  damagedImages?: { count: number; first: { gallery: string; id: string }[] }
}

/** Damaged pictures that are named. */
const namedMax = 100

const rowsBetweenPauses = 1_000

/**
 * @param onPause called now and then; what it throws ends the reading.
 * @throws AlikeError `data_unreadable`, with what is not whole.
 */
export function examineDatabase(path: string, onPause: () => void = () => {}): DatabaseContents {
  return withDatabase(() => {
    const database = openForReading(path)
    try {
      const schemaVersion = versionOf(database)
      if (schemaVersion === 0) throw damaged('The database has no tables.')
      new GalleryScans(database).verify()
      onPause()
      let rows = 0
      const onRow = () => void (++rows % rowsBetweenPauses === 0 && onPause())
      const damagedRecords: { gallery: number; id: string }[] = []
      new ImageTable(database, { damagedRecords: 'named' }).verifyAll(onRow, (record) => damagedRecords.push(record))
      new JobTable(database).verifyAll(onRow)
      const names = new Map(Array.from(new GalleryTable(database).list(), ({ number, name }) => [number, name ?? '']))
      const galleries = Array.from(new GalleryTable(database).list(), ({ name, model_id: modelId, dimension, count }) => ({ name: name ?? '', modelId, dimension, images: count }))
      return {
        schemaVersion,
        galleries,
        images: galleries.reduce((sum, { images }) => sum + images, 0),
        ...(damagedRecords.length > 0 && { damagedImages: { count: damagedRecords.length, first: damagedRecords.slice(0, namedMax).map(({ gallery, id }) => ({ gallery: names.get(gallery) ?? '', id })) } }),
      }
    } finally {
      database.close()
    }
  })
}
