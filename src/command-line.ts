/**
 * What all commands share: `--help` prints the usage and exits with 0, wrong usage prints one line and exits with 2, a
 * failure one line and 1. An option is declared once, with its default, its bounds and a sentence.
 */
import { accessSync, constants, statSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  Command,
  CommanderError,
  Help,
  InvalidArgumentError,
  Option,
  type OptionValues,
  type OutputConfiguration,
} from '@commander-js/extra-typings'
import { visible } from './text.js'

export const failed = 1
const misused = 2
/** By Ctrl-C. */
export const cancelled = 130
/** As of a program that SIGPIPE ends, which Node.js ignores. */
const unread = 141

/** Reports the cause of wrong usage, not what is missing or superfluous because of it. */
class CauseFirst extends Command {
  override createCommand(name?: string): Command {
    return new CauseFirst(name)
  }

  override parseOptions(args: string[]): ReturnType<Command['parseOptions']> {
    this.#expectValues(args)
    const parsed = super.parseOptions(args)
    if (parsed.operands.includes('')) this.error('error: an argument is empty')
    // not of the required option that is missing because it is mistyped
    if (parsed.unknown.length > 0) for (const option of this.options) option.mandatory = false
    return parsed
  }

  /** A variable that the shell does not know leaves an empty argument, or none: the next option would be the value. */
  #expectValues(args: readonly string[]): void {
    const named = (word = '') => this.options.find(({ long, short }) => word === long || word === short)
    const words = args.flatMap((word) => (word.endsWith('=') ? [word.slice(0, -1), ''] : word)) // --to=$FILE
    for (const [index, argument] of words.entries()) {
      const option = named(words[index - 1])
      if (option?.required === true && (argument === '' || named(argument) !== undefined))
        this.error(`error: option '${option.flags}' argument ${argument === '' ? 'is empty' : 'missing'}`)
    }
  }
}

/** @param name as typed, for the usage: `npm run backup --` */
export function command(name: string, description: string): Command {
  return new CauseFirst(name)
    .description(description)
    .exitOverride()
    .configureHelp({
      helpWidth: 120,
      optionDescription: (option) => new Help().optionDescription(option).replace(' (default: false)', ''),
    })
    .configureOutput(errorsOf(name))
}

/** @param name as typed; a subcommand gives its own */
export function errorsOf(name: string): OutputConfiguration {
  return {
    outputError: (text, write) => write(`${text.trim().replaceAll('\n', ' ')} (${name} --help lists the options)\n`),
  }
}

const defaultUrl = 'http://127.0.0.1:8080'

/** URL of the service, and the key if it requires one: `serviceClient` takes them. */
export const serviceOptions = {
  url: ['--url <url>', 'address of the service', webAddress, defaultUrl],
  key: ['--key <key>', 'API key, if the service requires one'],
  keyFile: new Option('--key-file <file>', 'file with the key, since other users of this machine can read arguments')
    .argParser(noFolder)
    .conflicts('key'),
} as const

/** The same options for a command that is printed, to be pasted: without the key, which a log must not contain. */
export function serviceWords(given: { url: string; key?: string | undefined; keyFile?: string | undefined }): string {
  const { url, key, keyFile } = given
  const words = [
    ...(url === defaultUrl ? [] : ['--url', shellWord(url)]),
    ...(key === undefined ? [] : ['--key', 'KEY']),
    ...(keyFile === undefined ? [] : ['--key-file', shellWord(keyFile)]),
  ]
  return words.map((word) => ` ${word}`).join('')
}

/** Quoted for a shell if necessary. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

function webAddress(text: string): string {
  if (!/^https?:\/\//i.test(text)) throw new InvalidArgumentError('It must begin with http:// or https://.')
  if (!URL.canParse(text)) throw new InvalidArgumentError('It is not a valid address.')
  return text
}

/** Path of a file that is replaced as a whole, through its folder; checked before the work for it begins. */
export function replacedFile(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false)
    throw new InvalidArgumentError('There is something other than a file.')
  expectPlaceFor(path)
  return path
}

/** Path that is written to where it is: it may be a pipe, or an existing file in a folder that is read-only. */
export function writtenFile(path: string): string {
  const there = statSync(noFolder(path), { throwIfNoEntry: false })
  if (there === undefined) expectPlaceFor(path)
  else if (!isWritable(path)) throw new InvalidArgumentError('It cannot be written to.')
  return path
}

/** That it does not exist is reported when it is read, as for every file. */
function noFolder(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new InvalidArgumentError('It is a folder, not a file.')
  return path
}

function expectPlaceFor(path: string): void {
  if (statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new InvalidArgumentError('Its folder does not exist.')
  if (!isWritable(dirname(path))) throw new InvalidArgumentError('Its folder cannot be written to.')
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Parses an integer within inclusive bounds. */
export function wholeNumber(minimum = 1, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : NaN
    if (number >= minimum && number <= maximum) return number
    const upTo = maximum === Number.MAX_SAFE_INTEGER ? `${minimum} up` : `${minimum} to ${maximum}`
    throw new InvalidArgumentError(`It must be a whole number from ${upTo}.`)
  }
}

/** Parses a number from 0 to 1. */
export function fraction(text: string): number {
  const number = text.trim() === '' ? NaN : Number(text)
  if (number >= 0 && number <= 1) return number
  throw new InvalidArgumentError('It must be a number from 0 to 1.')
}

/** Parses a number above 0. */
export function positiveNumber(text: string): number {
  const number = Number(text)
  if (number > 0 && number < Infinity) return number
  throw new InvalidArgumentError('It must be a number above 0.')
}

/** Parses one of a list of words, case-insensitively. */
export function oneOf<const Choice extends string>(choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const choice = choices.find((one) => one === text.toLowerCase())
    if (choice !== undefined) return choice
    throw new InvalidArgumentError(`It must be one of ${choices.join(', ')}.`)
  }
}

/**
 * Parses the arguments without running the command.
 * @throws CommanderError for wrong usage, which has already been printed
 */
export function optionsOf<Options extends OptionValues>(
  program: Command<[], Options>,
  args: readonly string[],
): Options {
  return program
    .action(() => {})
    .parse([...args], { from: 'user' })
    .opts()
}

/** Parses the process's arguments, runs the action and sets the exit code. */
export async function runCommand(program: { parseAsync(): Promise<unknown> }): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(unread) // `| head` reads no further
    console.error(messageOf(error))
    process.exit(failed)
  })
  try {
    await program.parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : misused // it has already been printed
      return
    }
    console.error(messageOf(error))
    process.exitCode = failed
  }
}

/** The first of a list that may be long, and how many are left out. */
export function firstOf(parts: readonly string[], most: number, separator = ', '): string {
  const more = parts.length > most ? ` and ${parts.length - most} more` : ''
  return `${parts.slice(0, most).join(separator)}${more}`
}

/** For people at a terminal; line breaks stay. */
export function messageOf(error: unknown): string {
  return textOf(error).split('\n').map(visible).join('\n')
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, path } = error as NodeJS.ErrnoException
  // Our error codes, and those the client reports from the service; system codes are in capitals.
  if (code === 'unauthenticated') return `${code}: ${error.message} Use --key-file or --key.`
  if (code !== undefined && /^[a-z_]+$/.test(code)) return `${code}: ${error.message}`
  if (code === 'ENOENT' && path !== undefined) return `${path} does not exist.`
  if (code === 'EISDIR') return `${path ?? 'What was given'} is a folder, not a file.`
  if (code === 'EACCES' && path !== undefined) return `${path}: permission denied.`
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'The disk is full: free some space, or write to another one.'
  return error.message
}
