/**
 * `npm run test:chaos`: the run with three nodes, in separate namespaces. `-- --short`: one node, some minutes, no
 * privileges needed. `-- --consistency`: the guarantees of each consistency level. `-- --graphs`: whether each node finds
 * everything after one was killed during changes. `-- --isolated`: whether a node that is cut off acknowledges anything.
 * `-- --reads`: whether a node that was away reads, lists and moves what was acknowledged meanwhile.
 * `-- --ingest 20000`: one large job while a node is away.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { runInside } from './own-network.js'

const has = (option: string) => process.argv.includes(`--${option}`)
const fileOf = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url))
const run = ['consistency', 'graphs', 'isolated', 'reads', 'shards', 'ingest'].find(has) ?? 'chaos'
const command = [process.execPath, '--enable-source-maps', fileOf(run)]
if (has('ingest')) process.env.CHAOS_PICTURES = process.argv[process.argv.indexOf('--ingest') + 1]
process.env.CHAOS_NODES = has('short') ? '1' : '3'
process.env.CHAOS_SHORT = has('short') ? '1' : '0'
process.env.LONG_REPORT ??= has('short') ? '/dev/null' : 'docs/chaos.md'
process.exitCode = has('short')
  ? (spawnSync(command[0]!, command.slice(1), { stdio: 'inherit' }).status ?? 1)
  : runInside(command)
