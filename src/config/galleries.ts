/** Settings: where galleries are kept, how large they may be, how they are indexed. */
import { Type } from 'typebox'

export const gallerySettings = {
  dataDir: Type.String({
    default: './data',
    minLength: 1,
    description: 'Folder of the database, the graph caches, snapshots of the data, and uploads of running jobs.',
  }),
  postgresUrl: Type.String({
    default: '',
    pattern: '^$|^postgres(ql)?://',
    accepts: 'postgres://user:password@host:port/database',
    description:
      'PostgreSQL for the catalogue of galleries, jobs, judgements, decisions and layouts, so that several processes share them; none: the data folder.',
  }),
  postgresConnectionsMax: Type.Integer({
    default: 10,
    minimum: 2,
    maximum: 1_000,
    description: 'Connections to PostgreSQL at once, one beside them to listen; further statements wait.',
  }),
  defaultEngine: Type.String({
    default: '',
    accepts: 'name of an engine',
    description:
      'Engine of new galleries that name none: `embedded`, or `weaviate` where `WEAVIATE_URL` is set; none: `embedded`.',
  }),
  textForm: Type.Enum(['nfc', 'as_is'], {
    default: 'nfc',
    description:
      'Form of ids and labels: `nfc` (what looks alike is one) or `as_is` (as they come, and told apart). To be chosen before the first picture: what is stored stays as it is, and of another form it is not found with `as_is`. Processes that share galleries have the same.',
  }),
  galleriesMax: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Galleries there may be; one more is refused.',
  }),
  galleryMaxImages: Type.Integer({
    default: 10_000_000,
    minimum: 1,
    maximum: 4_000_000_000,
    description: 'Pictures that one gallery may hold.',
  }),
  databaseMaxBytes: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 2 ** 50,
    description: 'Size to which the database may grow; 0: until the disk is full.',
  }),
  dataSnapshotsMax: Type.Integer({
    default: 5,
    minimum: 1,
    maximum: 1_000,
    description: 'Snapshots of the data that may lie in the data folder; one more is refused.',
  }),
  feedbackMax: Type.Integer({
    default: 1_000_000,
    minimum: 1,
    maximum: 100_000_000,
    description: 'Judgements of hits that a gallery may hold; more are refused with `feedback_full`.',
  }),
  decisionsMax: Type.Integer({
    default: 100_000,
    minimum: 1,
    maximum: 10_000_000,
    description: 'Decisions about findings that a gallery may hold; more are refused with `decisions_full`.',
  }),
  exactBelow: Type.Integer({
    default: 2_000,
    minimum: 0,
    maximum: 1_000_000,
    description: 'Galleries and filtered sets up to this size are compared one by one instead of by the graph.',
  }),
  indexParts: Type.String({
    default: 'auto',
    pattern: '^(auto|[1-9]|1[0-6])$',
    accepts: 'auto, or 1 to 16',
    description:
      'Parts of each graph, with a thread for each part; `auto`: one for every two cores, 8 at most. Another number builds the graphs anew.',
  }),
  graphCacheAfterWrites: Type.Integer({
    default: 5_000,
    minimum: 1,
    maximum: 100_000_000,
    description: 'Changes of a gallery after which its graph is saved.',
  }),
  graphCacheAfterSeconds: Type.Integer({
    default: 900,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Time after which the graph of a changed gallery is saved.',
  }),
}
