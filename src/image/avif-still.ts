/**
 * Extracts the first frame of an animated AVIF, as for GIF and WebP: such a file also contains it as a still picture.
 */
import { AlikeError } from '../errors.js'
import { boxesOfFile } from './iso-boxes.js'

/** After the size and type of the first box, `ftyp`. */
const majorBrandAt = 8

/**
 * The file with the brand of a still picture, the only one the decoder accepts; the given bytes if they already have
 * it.
 * @throws AlikeError `image_unreadable` if it contains none, or ends before its picture does
 */
export function avifStill(file: Buffer): Buffer {
  const boxes = [...boxesOfFile(file)]
  if (file.toString('latin1', majorBrandAt, majorBrandAt + 4) === 'avif') return file
  if (!boxes.some(({ type }) => type === 'meta')) {
    throw new AlikeError('image_unreadable', {
      detail:
        'It is a sequence of frames alone; an animated AVIF is read by the still picture that it carries beside them.',
    })
  }
  const still = Buffer.from(file)
  still.write('avif', majorBrandAt, 'latin1')
  return still
}
