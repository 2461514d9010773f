/** Metrics of galleries: their graphs, snapshots, judgements and decisions. */
import { Gauge, type Registry } from 'prom-client'
import { counters } from './instruments.js'

export interface GalleryInstruments {
  countIndexRebuild(): void
  /** Pictures were inserted into the indexes of an engine's nodes again. */
  countIndexRepair(images: number): void
  /** A job that moves a gallery to another engine has ended; `refused`: the copy differed. */
  countMove(outcome: 'moved' | 'refused' | 'broken_off'): void
  countDecided(decision: string): void
  countJudged(verdict: 'right' | 'wrong' | 'none', count: number): void
  countDataSnapshot(outcome: 'ready' | 'failed'): void
  setNewestDataSnapshot(at: Date): void
}

export function galleryInstruments(registry: Registry): GalleryInstruments {
  const { indexRebuilds, indexRepairs, moves, decided, judged, dataSnapshots } = counters(registry, {
    indexRebuilds: ['alike_index_rebuilds_total', 'Times a graph was built anew from the database.'],
    indexRepairs: [
      'alike_index_repaired_images_total',
      'Pictures inserted into the indexes of Weaviate nodes again because one of them missed them.',
    ],
    moves: [
      'alike_gallery_moves_total',
      'Finished moves of galleries to another engine.',
      { outcome: ['moved', 'refused', 'broken_off'] },
    ],
    decided: ['alike_decisions_total', 'Decisions about findings, by what was decided.', { decision: null }],
    judged: [
      'alike_feedback_judgements_total',
      'Judgements of hits received, by verdict; none withdraws one.',
      { verdict: ['right', 'wrong', 'none'] },
    ],
    dataSnapshots: [
      'alike_data_snapshots_total',
      'Snapshots of the data, by outcome.',
      { outcome: ['ready', 'failed'] },
    ],
  })
  const newestDataSnapshot = new Gauge({
    name: 'alike_data_snapshot_newest_timestamp_seconds',
    help: 'Unix time of the data in the newest snapshot that this process has written or found in its data folder; 0 if there is none.',
    registers: [registry],
  })
  return {
    countIndexRebuild: () => indexRebuilds.inc(),
    countIndexRepair: (images) => indexRepairs.inc(images),
    countMove: (outcome) => moves.inc({ outcome }),
    countDecided: (decision) => decided.inc({ decision }),
    countJudged: (verdict, count) => judged.inc({ verdict }, count),
    countDataSnapshot: (outcome) => dataSnapshots.inc({ outcome }),
    setNewestDataSnapshot: (at) => newestDataSnapshot.set(at.getTime() / 1000),
  }
}
