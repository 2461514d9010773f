/** The name of a network that a command is to make, as an option. */
import { InvalidArgumentError } from '@commander-js/extra-typings'
import { modelName } from '../embedding/model-manifest.js'

/** Checked before the work: the manifest of a network with another name would be refused after it. */
export function networkName(text: string): string {
  if (modelName.test(text)) return text
  throw new InvalidArgumentError('It must have up to 63 characters a-z, 0-9 and -, and not start with -.')
}
