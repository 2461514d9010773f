/** `npm run key -- --name NAME --role read|write|admin`: makes an API key and the line that lets it in. */
import { Option } from '@commander-js/extra-typings'
import { makeKey, roles } from '../access/api-keys.js'
import { command, runCommand } from '../command-line.js'

await runCommand(
  command('npm run key --', 'Makes an API key and the line that lets it in.')
    .requiredOption('--name <name>', 'whose key it is; shown in logs')
    .addOption(new Option('--role <role>', 'what it allows').choices(roles).makeOptionMandatory())
    .action(({ name, role }) => {
      const { key, line } = makeKey(name, role)
      console.log(`Key, shown only now:                      ${key}\nLine for API_KEYS_FILE or API_KEYS:       ${line}`)
    }),
)
