/** What the probabilities of an answer are based on. */
import { Type } from 'typebox'
import { reliablePairsMin } from '../../eval/score-calibration.js'
import { named } from './named.js'

export const Calibration = named(
  'Calibration',
  Type.Object(
    {
      split: Type.Enum(['val'], {
        type: 'string',
        description: 'Part of the data set whose pairs were measured; the model was not trained on it.',
      }),
      positivePairs: Type.Integer({ description: 'Pairs of pictures that share a label.' }),
      negativePairs: Type.Integer({ description: 'Pairs of pictures with different labels.' }),
      reliable: Type.Boolean({
        description: `False when there were fewer than ${reliablePairsMin} pairs of either kind: \`pSame\`, \`minPSame\` and the vote thresholds are then rough guesses.`,
      }),
      widened: Type.Optional(
        Type.Boolean({
          description:
            'True if the curve was flattened because there were few pairs: its probabilities claim no more than random halves of the pictures agree on. Absent otherwise.',
        }),
      ),
    },
    {
      description:
        'The pairs that `pSame` was fitted to. Absent or null if the model is not calibrated; absent from searches with `expand`.',
      examples: [{ split: 'val', positivePairs: 52_277, negativePairs: 740_880, reliable: true }],
    },
  ),
)
