/** Servers started by tests: whatever ends this process, including `kill -9`, ends them too. */
import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'

export interface TiedProcess {
  pid: number
  /** Exit code; undefined while it runs. */
  readonly code: number | undefined
  /** `kill -9`. Resolves when it has exited. */
  kill(): Promise<void>
}

/**
 * The third pipe closes when this process ends for any reason. The shell prints the server's id and exits with the
 * server.
 */
const untilClosed = [
  'log=$1; shift',
  '"$@" >"$log" 2>&1 3<&- & server=$!',
  'echo $server',
  '{ cat; kill -TERM $$; } <&3 >/dev/null 2>&1 & watcher=$!',
  "trap 'kill -9 $server' TERM",
  'wait $server; code=$?',
  'kill -9 $watcher',
  'exit $code',
].join('\n')

/** @param options `log`: a file for its output */
export async function startTied(
  command: readonly string[],
  options: Pick<SpawnOptions, 'env' | 'uid' | 'gid' | 'cwd'> & { log?: string | undefined } = {},
): Promise<TiedProcess> {
  const { log = '/dev/null', ...rest } = options
  const shell = spawn('/bin/sh', ['-c', untilClosed, 'sh', log, ...command], {
    ...rest,
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  })
  const pipe = shell.stdio[3] as Socket
  const ended = once(shell, 'exit')
  let code: number | undefined
  void ended.then(([exitCode]) => {
    code = (exitCode as number | null) ?? 137
    pipe.destroy()
  })
  const lines = createInterface({ input: shell.stdout! })
  const [pid] = (await once(lines, 'line')) as [string]
  lines.close()
  shell.unref()
  pipe.unref()
  ;(shell.stdout as unknown as Socket).unref()
  return {
    pid: Number(pid),
    get code() {
      return code
    },
    async kill() {
      if (code !== undefined) return
      shell.ref()
      process.kill(Number(pid), 'SIGKILL')
      await ended
    },
  }
}
