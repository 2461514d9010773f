/** `npm run key -- --name NAME --role read|write|admin`: makes an API key and the line that lets it in. */
import { parseArgs } from 'node:util'
import { makeKey, roles } from '../access/api-keys.js'
import { AlikeError } from '../errors.js'

const usage = `npm run key -- --name NAME --role ${roles.join('|')}`

try {
  const { values } = parseArgs({ options: { name: { type: 'string' }, role: { type: 'string' } } })
  const role = roles.find((one) => one === values.role)
  if (values.name === undefined || role === undefined) throw new Error(usage)
  const { key, line } = makeKey(values.name, role)
  console.log(`Key, shown only now:                      ${key}\nLine for API_KEYS_FILE or API_KEYS:       ${line}`)
} catch (error) {
  console.error(error instanceof AlikeError ? `${error.code}: ${error.message}` : error instanceof Error ? error.message : error)
  process.exitCode = 1
}
