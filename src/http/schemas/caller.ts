/** What the sender of a request may do. */
import { Type } from 'typebox'
import { verbs } from '../../access/grants.js'
import { jobKinds } from '../../jobs/job.js'
import { named } from './named.js'

export const Caller = named(
  'Caller',
  Type.Object(
    {
      name: Type.Union([Type.String(), Type.Null()], {
        description: 'Of the key or token; `null` if the service needs none.',
      }),
      verbs: Type.Array(Type.Enum([...verbs], { type: 'string' }), { description: 'What it may do.' }),
      jobs: Type.Array(Type.Enum([...jobKinds], { type: 'string' }), {
        description: 'Kinds of jobs that it may start; with the verb `write` it may also steer and cancel them.',
      }),
      galleries: Type.Union([Type.Array(Type.String()), Type.Null()], {
        description: 'Names, and prefixes ending with `*`, of the galleries it is restricted to; `null` if to none.',
      }),
      urls: Type.Boolean({ description: 'Whether the service fetches pictures by URL (`URL_ALLOWED_HOSTS`).' }),
    },
    {
      description: 'The caller as the service sees it.',
      examples: [
        {
          name: 'shop',
          verbs: ['search', 'read', 'metrics', 'write', 'delete'],
          jobs: ['ingest', 'evaluate', 'duplicates', 'doctor', 'layout'],
          galleries: ['shop-*'],
          urls: false,
        },
      ],
    },
  ),
)
