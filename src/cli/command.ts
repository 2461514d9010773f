/** What every command has in common: `--help` ends with 0, a misuse is one line and 2, a failure one line and 1. */
import { Command, CommanderError } from '@commander-js/extra-typings'
import { AlikeError } from '../errors.js'

export const failed = 1
export const misused = 2

/** @param name as it is typed, for the usage: `npm run backup --` */
export function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .exitOverride()
    .showHelpAfterError(`${name} --help tells more.`)
    .configureHelp({ helpWidth: 120 })
}

/** Where the service is, and the key where it asks for one. */
export const serviceOptions = {
  url: ['--url <url>', 'address of the service', 'http://127.0.0.1:8080'],
  key: ['--key <key>', 'API key, where the service asks for one'],
} as const

/** Parses the process's arguments, runs the action and sets the exit code. */
export async function runCommand(program: { parseAsync(): Promise<unknown> }): Promise<void> {
  try {
    await program.parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : misused // it has been printed
      return
    }
    console.error(messageOf(error))
    process.exitCode = failed
  }
}

export function messageOf(error: unknown): string {
  if (error instanceof AlikeError) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}
