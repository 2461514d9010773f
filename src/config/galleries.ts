/** Settings: storage, size limits and indexing of galleries. */
import { Type } from 'typebox'

export const gallerySettings = {
  dataDir: Type.String({
    default: './data',
    minLength: 1,
    description: 'Folder of the database, graph caches, snapshots, and uploads of running jobs.',
  }),
  postgresUrl: Type.String({
    default: '',
    pattern: '^$|^postgres(ql)?://',
    accepts: 'postgres://user:password@host:port/database',
    description:
      'PostgreSQL for the catalogue of galleries, jobs, judgements, decisions and layouts, shared by several processes; none: they are in the data folder.',
  }),
  postgresConnectionsMax: Type.Integer({
    default: 10,
    minimum: 2,
    maximum: 1_000,
    description:
      'Maximum connections to PostgreSQL, plus two: one listens for notifications, one holds locks; further statements wait.',
  }),
  defaultEngine: Type.String({
    default: '',
    accepts: 'name of an engine',
    description:
      'Engine of new galleries that name none: `embedded`, or `weaviate` if `WEAVIATE_URL` is set; none: `embedded`.',
  }),
  textForm: Type.Enum(['nfc', 'as_is'], {
    default: 'nfc',
    description:
      'Unicode form of ids and labels: `nfc` (texts that look alike are equal) or `as_is` (unchanged and distinguished). Choose it before the first picture: stored ids keep their form, and with `as_is` are found by that form alone. Processes that share galleries must use the same.',
  }),
  galleriesMax: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Maximum number of galleries.',
  }),
  galleryMaxImages: Type.Integer({
    default: 10_000_000,
    minimum: 1,
    maximum: 4_000_000_000,
    description: 'Maximum number of pictures in an embedded gallery; any gallery can have a lower one (`maxImages`).',
  }),
  databaseMaxBytes: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 2 ** 50,
    description: 'Maximum size of the database; 0: until the disk is full.',
  }),
  dataSnapshotsMax: Type.Integer({
    default: 5,
    minimum: 1,
    maximum: 1_000,
    description: 'Maximum number of snapshots in the data folder.',
  }),
  feedbackMax: Type.Integer({
    default: 1_000_000,
    minimum: 1,
    maximum: 100_000_000,
    description: 'Maximum number of judgements in a gallery; further ones are refused with `feedback_full`.',
  }),
  decisionsMax: Type.Integer({
    default: 100_000,
    minimum: 1,
    maximum: 10_000_000,
    description: 'Maximum number of decisions in a gallery; further ones are refused with `decisions_full`.',
  }),
  exactBelow: Type.Integer({
    default: 2_000,
    minimum: 0,
    maximum: 1_000_000,
    description: 'Galleries and filtered sets below this size are scanned exactly instead of searched by the graph.',
  }),
  indexParts: Type.String({
    default: 'auto',
    pattern: '^(auto|[1-9]|1[0-6])$',
    accepts: 'auto, or 1 to 16',
    description:
      'Parts of each graph, one thread per part; `auto`: one for every two cores, at most 8. A different number rebuilds the graphs.',
  }),
  graphCacheAfterWrites: Type.Integer({
    default: 5_000,
    minimum: 1,
    maximum: 100_000_000,
    description: 'Number of changes after which a gallery’s graph cache is written.',
  }),
  graphCacheAfterSeconds: Type.Integer({
    default: 900,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Time after which the graph cache of a changed gallery is written.',
  }),
}
