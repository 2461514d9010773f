/**
 * The service, killing itself at the point in its code named by `KILL_AT`. It first records what it embeds for jobs in
 * `EMBEDDED`, one line each.
 */
import { appendFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { pino } from 'pino'
import { readConfig } from '../../src/config/read-config.js'
import type { SetChange } from '../../src/gallery/catalogue.js'
import { openService, type Service } from '../../src/service/service.js'

type GivenTo<Call> = Call extends (...given: infer Given extends unknown[]) => unknown ? Given : never

type Galleries = Service['parts']['galleries']

/** The points where it may die, by name. */
const spots = {
  'before the set has a row': ({ sets }) => dieAt(sets, 'add', 'before'),
  'before the job of the set has one': ({ sets }) => dieAt(sets, 'add', 'after'),
  'before a group of the job is stored': ({ sets }) => dieAt(sets, 'changeImages', 'before'),
  'after a group of the job is stored': ({ sets }) => dieAt(sets, 'changeImages', 'after'),
  'before the set is ready': ({ sets }) => dieAt(sets, 'change', 'before', (_, { stage }) => stage === 'ready'),
  'before the verdict is stored': ({ sets }) => dieAt(sets, 'change', 'before', isVerdict),
  'after the verdict is stored': ({ sets }) => dieAt(sets, 'change', 'after', isVerdict),
  'before the set serves': ({ sets }) => {
    const serve = sets.serve.bind(sets)
    sets.serve = (gallery, setUid, { catchUp, ...terms }) =>
      serve(gallery, setUid, { ...terms, catchUp: () => catchUp().then(die) })
  },
  'after the set serves': ({ sets }) => dieAt(sets, 'serve', 'after'),
  'before the former set is followed': ({ sets, writes }) => {
    let isServed = false
    const serve = sets.serve.bind(sets)
    sets.serve = async (...given) => {
      await serve(...given)
      isServed = true
    }
    dieAt(writes, 'follow', 'before', () => isServed)
  },
  'between a write to one set and to the other': ({ sets }) => dieAt(sets, 'changeImages', 'before'),
  'after the row of a set is removed': ({ writes }) => dieAt(writes, 'unfollow', 'before'),
} satisfies Record<string, (galleries: Galleries) => void>

export type KillPoint = keyof typeof spots
export const killPoints = Object.keys(spots) as KillPoint[]

function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => {})
}

/** Dies before or after a matching call. */
function dieAt<Owner extends object, Name extends keyof Owner>(
  owner: Owner,
  name: Name,
  when: 'before' | 'after',
  isMeant: (...given: GivenTo<Owner[Name]>) => boolean = () => true,
): void {
  const call = (owner[name] as (...given: unknown[]) => unknown).bind(owner)
  const armed = (...given: GivenTo<Owner[Name]>): unknown => {
    if (!isMeant(...given)) return call(...given)
    return when === 'before' ? die() : Promise.resolve(call(...given)).then(die)
  }
  owner[name] = armed as Owner[Name]
}

function isVerdict(_: string, { about }: SetChange): boolean {
  return about?.['gate'] !== undefined
}

async function main(): Promise<void> {
  const logger = pino({ base: null })
  const service = await openService({ config: readConfig(process.env), logger, environment: process.env })
  const { galleries, images } = service.parts
  const { EMBEDDED, KILL_AT } = process.env
  const embed = images.embed.bind(images)
  images.embed = (bytes, request) => {
    if (request.purpose === 'job' && EMBEDDED !== undefined) appendFileSync(EMBEDDED, `${request.modelId}\n`)
    return embed(bytes, request)
  }
  if (KILL_AT !== undefined) spots[KILL_AT as KillPoint](galleries)
  await service.app.listen({ host: '127.0.0.1', port: 0 })
  const address = service.app.server.address() as { port: number }
  logger.info(`listening at http://127.0.0.1:${address.port}`)
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) await main()
