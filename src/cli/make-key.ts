/** `npm run key -- --name NAME --role read|write|admin`: makes an API key and the line that lets it in. */
import { Option } from '@commander-js/extra-typings'
import { makeKey } from '../access/api-keys.js'
import { roles } from '../access/grants.js'
import { command, runCommand } from '../command-line.js'

await runCommand(
  command('npm run key --', 'Makes an API key and the line that lets it in.')
    .requiredOption('--name <name>', 'whose key it is; shown in logs')
    .addOption(new Option('--role <role>', 'what it allows').choices(roles).makeOptionMandatory())
    .option('--galleries <names...>', 'keep it to these galleries; a name may end with *')
    .option('--verbs <verbs...>', 'of what the role allows, only this: search, read, metrics, write, delete, admin')
    .option('--expires <date>', 'the day, or the time, from which it is refused: 2027-01-31, 2027-01-31T12:00:00Z')
    .action(({ name, role, ...limits }) => {
      const { key, line } = makeKey(name, role, limits)
      console.log(`Key, shown only now:                      ${key}\nLine for API_KEYS_FILE or API_KEYS:       ${line}`)
    }),
)
