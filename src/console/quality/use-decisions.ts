/** Which findings of a work list are decided: as the service knows, and as was decided in this visit. */
import { signal } from '@preact/signals'
import type { Job } from '../api/follow-job.js'
import { sayFault } from '../controls/toasts.js'
import { useLoaded } from '../controls/use-loaded.js'
import { removeUnlessUndone } from '../gallery/remove-unless-undone.js'
import { type Finding, settledBy } from './settled.js'
import { type Decision, decide, decisionsAbout, takeBack } from './stored-decisions.js'

export interface Decisions {
  isDecided: (finding: Finding) => boolean
  /** Pictures of which one was kept. */
  keptOneOf: ReadonlySet<string>
  /** Sends it; if that fails, the finding is shown again. */
  decide: (decision: Decision) => void
  /** Of each group, removes all but one, unless that is undone. */
  keepOneOf: (groups: readonly KeptOne[]) => void
  /** Revokes the latest of this visit; undefined if none can be. */
  undoLast: (() => void) | undefined
  /** Until the decisions of earlier visits are known. */
  isLoading: boolean
  error: unknown
  reload: () => void
}

export interface KeptOne {
  /** Of all pictures of the group. */
  ids: string[]
  keep: string
}

/** @param job the analysis that found them: its findings contain nothing that was decided before it */
export function useDecisions(gallery: string, job: Job, findings: readonly Finding[]): Decisions {
  const since = job.startedAt ?? job.createdAt
  const stored = useLoaded((signal) => decisionsAbout(gallery, findings, { since, signal }), [gallery, job.id])
  const here = decided.value.get(job.id) ?? []
  const known = stored.value?.filter(({ id }) => !revoked.value.has(id)) ?? []
  const keptOneOf = new Set([...here, ...known].flatMap(({ decision, ids }) => (decision === 'keep-one' ? ids : [])))
  const last = here.findLast(({ id }) => id !== undefined)
  return {
    isDecided: settledBy([...here, ...known]),
    keptOneOf,
    decide: (decision) => void send(gallery, job.id, decision),
    keepOneOf: (groups) => keepOneOf(gallery, job.id, groups),
    undoLast: last && (() => void revoke(gallery, job.id, last)),
    isLoading: stored.loading && stored.value === undefined,
    error: stored.error,
    reload: stored.reload,
  }
}

interface Decided extends Finding {
  decision: Decision['decision']
  /** Of the decision, once it is stored; undefined too for one that cannot be revoked. */
  id?: string | undefined
}

/** Those of this visit by analysis, in order; kept while other screens are shown. */
const decided = signal<ReadonlyMap<string, readonly Decided[]>>(new Map())
/** Ids of the decisions revoked in this visit. */
const revoked = signal<ReadonlySet<string>>(new Set())

async function send(gallery: string, job: string, decision: Decision): Promise<void> {
  const made = add(job, decision)
  try {
    const { id } = await decide(gallery, decision)
    change(job, (all) => all.map((one) => (one === made ? { ...made, id } : one)))
  } catch (error) {
    drop(job, made)
    sayFault(error)
  }
}

function keepOneOf(gallery: string, job: string, groups: readonly KeptOne[]): void {
  const left = groups.map(({ ids, keep }) => ({
    ids,
    keep,
    made: add(job, { kind: 'copies', decision: 'keep-one', ids }),
  }))
  removeUnlessUndone({
    gallery,
    ids: new Set(groups.flatMap(({ ids, keep }) => ids.filter((id) => id !== keep))),
    remove: async () => {
      for (; left.length > 0; left.shift()) {
        const { ids, keep } = left[0]!
        await decide(gallery, { kind: 'copies', decision: 'keep-one', ids, keep })
      }
    },
    onKept: () => {
      for (const { made } of left) drop(job, made)
    },
  })
}

async function revoke(gallery: string, job: string, one: Decided): Promise<void> {
  drop(job, one)
  try {
    await takeBack(gallery, one.id!)
    revoked.value = new Set([...revoked.value, one.id!])
  } catch (error) {
    add(job, one)
    sayFault(error)
  }
}

function add(job: string, { kind, decision, ids, id }: Decided): Decided {
  const made = { kind, decision, ids, id }
  change(job, (all) => [...all, made])
  return made
}

function drop(job: string, one: Decided): void {
  change(job, (all) => all.filter((other) => other !== one))
}

function change(job: string, to: (all: readonly Decided[]) => readonly Decided[]): void {
  decided.value = new Map([...decided.value, [job, to(decided.value.get(job) ?? [])]])
}
