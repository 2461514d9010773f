/** The faults injected into a deployment, one after the other, each while clients search and write and a job runs. */
import type { AlikeStack } from './alike-stack.js'
import { pause } from './alike-stack.js'

export interface Fault {
  name: string
  /** Pictures of the concurrent job. */
  jobPictures: number
  /** Resolves when the affected part is back. */
  happen(stack: AlikeStack): Promise<void>
}

/** Pictures of the job that runs while a Weaviate node is killed, and of the other jobs. */
const { CHAOS_PICTURES = '20000', CHAOS_PICTURES_MORE = '1500' } = process.env

/** @param nodes of Weaviate: with a single one, galleries are down while it is */
export function faultsOf(nodes: number, isShort: boolean): Fault[] {
  const seconds = (long: number) => (isShort ? Math.min(long, 3) : long) * 1_000
  const pictures = isShort ? 400 : Number(CHAOS_PICTURES_MORE)
  const last = nodes - 1
  const faults: Fault[] = [
    {
      name: 'a Weaviate node killed',
      jobPictures: isShort ? 400 : Number(CHAOS_PICTURES),
      async happen({ weaviate }) {
        await weaviate.nodes[last]!.kill()
        await pause(seconds(40))
        await weaviate.nodes[last]!.start()
      },
    },
    {
      name: 'PostgreSQL killed',
      jobPictures: pictures,
      async happen({ postgres }) {
        await postgres.kill()
        await pause(seconds(5))
        await postgres.start()
      },
    },
    {
      name: 'a process that serves killed',
      jobPictures: pictures,
      happen: (stack) => stack.killServe(0, seconds(3)),
    },
    {
      name: 'the process that works killed',
      jobPictures: pictures,
      happen: (stack) => stack.killWork(seconds(3)),
    },
  ]
  if (nodes === 1) return faults
  return [
    ...faults,
    ...[0, 1].map((machine) => ({
      name: machine === 0 ? 'the first Weaviate node cut off' : 'the second Weaviate node cut off',
      jobPictures: pictures,
      async happen({ weaviate }: AlikeStack) {
        weaviate.cut(weaviate.nodes[machine]!)
        await pause(seconds(30))
        weaviate.mend(weaviate.nodes[machine]!)
      },
    })),
    {
      name: 'the first Weaviate node killed, away for 90 s',
      jobPictures: pictures,
      async happen({ weaviate }) {
        await weaviate.nodes[0]!.kill()
        await pause(seconds(90))
        await weaviate.nodes[0]!.start()
      },
    },
  ]
}
