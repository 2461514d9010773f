/** What this session's key may do: what would only be refused is not offered. */
import { signal } from '@preact/signals'
import { apiKey } from './key.js'
import { lackOf } from './permissions.js'
import { answerOf, type Schemas, service } from './service.js'

type Caller = Schemas['Caller']
/** A verb, or a kind of job that is started or steered. */
export type Need = Caller['verbs'][number] | Caller['jobs'][number] | 'every gallery'

/** With the latest key; undefined until loaded. */
export const caller = signal<Caller | undefined>(undefined)

/** @throws ServiceError */
export async function loadCaller(): Promise<void> {
  const key = apiKey.value
  const told = await answerOf(service.GET('/v1/caller'))
  // another key may have been given since
  if (key === apiKey.value && JSON.stringify(told) !== JSON.stringify(caller.value)) caller.value = told
}

export function may(needs: Need | readonly Need[]): boolean {
  return refusal(needs) === undefined
}

/** Why the key may not do what needs all of this; undefined if it may. Screens are shown once that is known. */
export function refusal(needs: Need | readonly Need[]): string | undefined {
  const lack = caller.value && lackOf(caller.value, needs)
  if (lack === 'every gallery') return 'This key reaches some galleries only, and this takes all of them.'
  return lack && `This key may not ${words[lack]}.`
}

const words: Record<Exclude<Need, 'every gallery'>, string> = {
  search: 'search',
  read: 'read galleries',
  metrics: 'read metrics',
  write: 'make changes',
  delete: 'delete pictures',
  admin: 'administer galleries',
  ingest: 'add pictures',
  evaluate: 'evaluate galleries',
  duplicates: 'look for copies',
  doctor: 'look for wrong labels',
  layout: 'make maps',
  're-embedding': 'change networks',
  move: 'move galleries',
}
