/** A separate data folder for each test. */
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import type { Galleries } from '../../../src/gallery/galleries.js'
import { model } from '../../gallery/stored-images.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { type EmbeddedGalleriesOptions, engineOf, openEmbeddedGalleries } from './embedded-galleries.js'

/** Graphs from 100 pictures on, so that small galleries in tests have one. */
export const index = { efConstruction: 60, ef: 20, exactBelow: 100, tombstoneMinimum: 20 }

export function dataFolder(t: TestContext): Promise<string> {
  return temporaryFolder(t, 'alike-data-')
}

/** Opened galleries, closed at the end of the test. */
export async function openIn(
  t: TestContext,
  dataDir: string,
  options: Partial<EmbeddedGalleriesOptions> = {},
): Promise<Galleries> {
  const galleries = await openEmbeddedGalleries({
    dataDir,
    model,
    index,
    logger: pino({ level: 'silent' }),
    ...options,
  })
  t.after(() => galleries.close())
  return galleries
}

/** Waits until every vector is in a graph, if there is one. */
export async function settled(galleries: Galleries): Promise<void> {
  for (;;) {
    await engineOf(galleries).saveGraphCaches()
    if ((await galleries.readings.all()).every(({ pending, building }) => pending === 0 && !building)) return
  }
}
