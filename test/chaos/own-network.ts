/**
 * A network whose machines can be cut off: kernel namespaces joined by a bridge. The run has its own network, mount and
 * process namespaces, so that whatever it leaves behind disappears with it. Linux, as root.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { folderOfProcess } from '../support/temporary-folder.js'

const bridge = 'alike0'
const insideMark = 'ALIKE_CHAOS_INSIDE'

/** Address of a machine; machine 0 is this one. */
export const addressOf = (machine: number) => `10.77.0.${10 + machine}`

export const isInside = (): boolean => process.env[insideMark] === '1'

/** Runs a program, and everything it starts, in new namespaces. @returns its exit code */
export function runInside(command: readonly string[]): number {
  const { status, error } = spawnSync(
    'unshare',
    ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', ...command],
    { stdio: 'inherit', env: { ...process.env, [insideMark]: '1' } },
  )
  if (error !== undefined) throw error
  return status ?? 1
}

/**
 * The machines 1 to `machines`, and a name that resolves to all of them, as in a container network or a headless
 * service.
 */
export async function makeNetwork(machines: number, name: string): Promise<void> {
  ip('link set lo up')
  execFileSync('mkdir', ['-p', '/run/netns'])
  execFileSync('mount', ['-t', 'tmpfs', 'none', '/run/netns'])
  ip(`link add ${bridge} type bridge`)
  ip(`addr add ${addressOf(0)}/24 dev ${bridge}`)
  ip(`link set ${bridge} up`)
  const hosts = ['127.0.0.1 localhost']
  for (let machine = 1; machine <= machines; machine++) {
    ip(`netns add m${machine}`)
    ip(`link add v${machine} type veth peer name eth0 netns m${machine}`)
    ip(`link set v${machine} master ${bridge} up`)
    ip(`-n m${machine} addr add ${addressOf(machine)}/24 dev eth0`)
    ip(`-n m${machine} link set eth0 up`)
    ip(`-n m${machine} link set lo up`)
    hosts.push(`${addressOf(machine)} ${name}`)
  }
  const file = join(await folderOfProcess('alike-hosts-'), 'hosts')
  writeFileSync(file, `${hosts.join('\n')}\n`)
  execFileSync('mount', ['--bind', file, '/etc/hosts'])
}

/** Command prefix to run something on a machine. */
export const onMachine = (machine: number): string[] => ['ip', 'netns', 'exec', `m${machine}`]

/** Silently drops all packets to and from it. */
export const cutOff = (machine: number): void => ip(`link set v${machine} down`)
export const joinAgain = (machine: number): void => ip(`link set v${machine} up`)

/** Nothing comes from it to one of the others or back; this machine reaches all of them. */
export const isolateFrom = (machine: number, others: readonly number[]): void => between(machine, others, 'add')
export const rejoinWith = (machine: number, others: readonly number[]): void => between(machine, others, 'del')

function between(machine: number, others: readonly number[], verb: 'add' | 'del'): void {
  for (const other of others) {
    ip(`-n m${machine} route ${verb} blackhole ${addressOf(other)}`)
    ip(`-n m${other} route ${verb} blackhole ${addressOf(machine)}`)
  }
}

function ip(what: string): void {
  execFileSync('ip', what.split(' '))
}
