/** Runs one of the commands as a separate process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** @param name of its file below `src`, such as `cli/backup` */
export async function runCommand(name: string, parameters: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL(`../../src/${name}.js`, import.meta.url)), ...parameters],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => void (output += text.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}
