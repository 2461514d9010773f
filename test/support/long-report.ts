/** Records measurements of long tests: one section of docs/long-tests.md each, replaced at each run. */
import { readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { table } from '../../bench/report.js'

export interface LongResult {
  /** The question that the test answers, in one sentence. */
  question: string
  facts: Record<string, string | number>
  table?: { head: string[]; rows: (string | number)[][] }
}

/** A number from the environment: whoever runs a test decides how long it runs. */
export function setting(name: string, fallback: number): number {
  const value = Number(process.env[name] ?? fallback)
  if (!Number.isFinite(value)) throw new Error(`${name} must be a number`)
  return value
}

/** Prints it as one line of JSON, and writes it to `LONG_REPORT` (default docs/long-tests.md). */
export async function recordResult(name: string, { question, facts, table: rows }: LongResult): Promise<void> {
  const run = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores of ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.version}`,
  }
  console.log(JSON.stringify({ longTest: name, ...run, ...facts, ...(rows && { rows: rows.rows }) }))
  const file = process.env.LONG_REPORT ?? 'docs/long-tests.md'
  const section = [
    begin(name),
    `## ${name}`,
    '',
    `${question} Last run: ${run.date}, ${run.machine}.`,
    '',
    table(Object.keys(facts), [Object.values(facts).map(String)]),
    ...(rows === undefined
      ? []
      : [
          '',
          table(
            rows.head,
            rows.rows.map((row) => row.map(String)),
          ),
        ]),
    end(name),
  ].join('\n')
  const text = await readFile(file, 'utf8').catch(() => '# Long tests\n')
  const from = text.indexOf(begin(name))
  const until = text.indexOf(end(name))
  await writeFile(
    file,
    from >= 0 && until > from
      ? text.slice(0, from) + section + text.slice(until + end(name).length)
      : `${text.trimEnd()}\n\n${section}\n`,
  )
}

const begin = (name: string): string => `<!-- result of ${name} -->`
const end = (name: string): string => `<!-- end of ${name} -->`
