/** `npm run key -- --name NAME --role read|write|admin`: creates an API key and its configuration line. */
import { InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { expiryOf, galleryRule, keyNamePattern, makeKey } from '../access/api-keys.js'
import { galleryPattern, roles, verbs, verbsOf } from '../access/grants.js'
import { command, runCommand } from '../command-line.js'

function keyName(text: string): string {
  if (keyNamePattern.test(text)) return text
  throw new InvalidArgumentError(
    'It must be 1 to 63 small letters, digits, dots, hyphens and underscores, a letter or digit first.',
  )
}

function galleries(pattern: string, before: readonly string[] = []): readonly string[] {
  if (galleryPattern.test(pattern)) return [...before, pattern]
  throw new InvalidArgumentError(`It must be ${galleryRule}.`)
}

function ahead(time: string): string {
  const at = expiryOf(time)
  if (at === undefined)
    throw new InvalidArgumentError('It must be a date, or a time with its zone: 2027-01-31, 2027-01-31T12:00:00Z.')
  if (at.getTime() <= Date.now()) throw new InvalidArgumentError('It is in the past.')
  return time
}

const program = command('npm run key --', 'Creates an API key and its line for the configuration.')
  .requiredOption('--name <name>', 'whose key it is; shown in logs', keyName)
  .addOption(new Option('--role <role>', 'what it allows').choices(roles).makeOptionMandatory())
  .option('--galleries <names...>', 'restrict it to these galleries; a name may end with *', galleries)
  .addOption(new Option('--verbs <verbs...>', 'restrict the role to these').choices(verbs))
  .option('--expires <date>', 'date or time of expiry: 2027-01-31, 2027-01-31T12:00:00Z', ahead)
  .action(({ name, role, ...limits }) => {
    const beyond = limits.verbs?.find((verb) => !verbsOf(role).includes(verb))
    if (beyond !== undefined)
      program.error(`error: the role ${role} does not include the verb ${beyond}, only ${verbsOf(role).join(', ')}.`)
    const { key, line } = makeKey(name, role, limits)
    console.log(`Key, shown only now:                      ${key}\nLine for API_KEYS_FILE or API_KEYS:       ${line}`)
  })

await runCommand(program)
