/** The role that starts a job of each kind; its verb is needed to steer or cancel one, too. */
import type { Role } from '../access/grants.js'
import type { JobKind } from '../jobs/job.js'

export const jobRoles = {
  ingest: 'write',
  evaluate: 'write',
  duplicates: 'write',
  doctor: 'write',
  layout: 'write',
  // a model determines the meaning of every score
  're-embedding': 'admin',
  move: 'admin',
} as const satisfies Record<JobKind, Role>
