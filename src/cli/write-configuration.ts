/** Writes `docs/configuration.md` from the schema of the settings: `npm run configuration`. */
import { writeFile } from 'node:fs/promises'
import { settingsTables } from '../config/settings-tables.js'

export const configurationFile = 'docs/configuration.md'

/** The page as Markdown. */
export function describeConfiguration(): string {
  return `# Configuration

<!-- Written by \`npm run configuration\` from src/config/; change it there. -->

Settings are environment variables. They are read once, at the start. A service that cannot use them lists every problem
at once and exits; an empty variable counts as unset.

${settingsTables()}

\`UV_THREADPOOL_SIZE\` (\`npm start\` sets 16, the images 8) is read by Node.js itself before the service starts: it limits
concurrent picture decoding and file access together. What the limits add up to:
[load-and-safety.md](load-and-safety.md#memory-worst-case).
`
}

if (process.argv[1]?.endsWith('write-configuration.js') === true)
  await writeFile(configurationFile, describeConfiguration())
