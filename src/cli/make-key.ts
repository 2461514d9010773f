/** `npm run key -- --name NAME --role read|write|admin`: creates an API key and its configuration line. */
import { InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { makeKey } from '../access/api-keys.js'
import { roles, verbs } from '../access/grants.js'
import { command, runCommand } from '../command-line.js'

function ahead(time: string): string {
  const at = Date.parse(time)
  if (Number.isNaN(at)) throw new InvalidArgumentError('It must be a date, or a time with its zone.')
  if (at <= Date.now()) throw new InvalidArgumentError('It is in the past.')
  return time
}

await runCommand(
  command('npm run key --', 'Creates an API key and its line for the configuration.')
    .requiredOption('--name <name>', 'whose key it is; shown in logs')
    .addOption(new Option('--role <role>', 'what it allows').choices(roles).makeOptionMandatory())
    .option('--galleries <names...>', 'restrict it to these galleries; a name may end with *')
    .addOption(new Option('--verbs <verbs...>', 'restrict the role to these').choices(verbs))
    .option('--expires <date>', 'date or time of expiry: 2027-01-31, 2027-01-31T12:00:00Z', ahead)
    .action(({ name, role, ...limits }) => {
      const { key, line } = makeKey(name, role, limits)
      console.log(`Key, shown only now:                      ${key}\nLine for API_KEYS_FILE or API_KEYS:       ${line}`)
    }),
)
