/** A runner of moves over real galleries, with the followers of their sets. */
import type { TestContext } from 'node:test'
import type { ImageEmbedder } from '../../src/embedding/image-embedder.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import { MoveRunner, type MoveRunnerOptions } from '../../src/re-embedding/move-runner.js'
import { SetExclusion } from '../../src/re-embedding/set-exclusion.js'
import { SetFollowers } from '../../src/re-embedding/set-followers.js'
import { SetMirrors } from '../../src/re-embedding/set-mirrors.js'

const logger = { info() {}, warn() {}, error() {} }

export async function openMover(t: TestContext, galleries: Galleries, onEnd: MoveRunnerOptions['onEnd'] = () => {}) {
  const mirrors = new SetMirrors({ galleries, images: {} as ImageEmbedder, concurrency: 1 }) // a move embeds nothing
  const followers = await SetFollowers.open({ galleries, mirrors, logger })
  t.after(() => followers.close())
  const exclusion = new SetExclusion(galleries.writes)
  const parts = { galleries, mirrors, followers, exclusion, logger }
  return { mirrors, followers, runner: new MoveRunner({ ...parts, jobsMax: 1, setKeptDays: 1, onEnd }) }
}
