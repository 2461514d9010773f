/** Of an animated AVIF its first frame, as of a GIF or WebP: such a file carries it as a still picture too. */
import { AlikeError } from '../errors.js'
import { boxesIn } from './iso-boxes.js'

/** Behind the size and type of the first box, `ftyp`. */
const majorBrandAt = 8

/**
 * The file under the brand of a still picture, which alone the decoder takes; the given bytes when it has that.
 * @throws AlikeError `image_unreadable` when there is none in it
 */
export function avifStill(file: Buffer): Buffer {
  if (file.toString('latin1', majorBrandAt, majorBrandAt + 4) === 'avif') return file
  if (![...boxesIn(file)].some(({ type }) => type === 'meta')) {
    throw new AlikeError('image_unreadable', {
      detail:
        'It is a sequence of frames alone; an animated AVIF is read by the still picture that it carries beside them.',
    })
  }
  const still = Buffer.from(file)
  still.write('avif', majorBrandAt, 'latin1')
  return still
}
