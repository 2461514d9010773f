/** Embeddings and scores of pictures that are not stored. */
import { Type } from 'typebox'
import { Calibration } from './calibration.js'
import { Base64Image, BinaryImage, exampleBase64, ImageUrl } from './image-body.js'
import { named, reference } from './named.js'
import { NearCopyScore } from './near-copy.js'
import { shownVector, vectorFormat } from './vector-format.js'

const chosenModel = {
  model: Type.Optional(
    Type.String({ minLength: 1, maxLength: 64, description: 'Id or name of a model. Default: the default model.' }),
  ),
}
export const ModelChoice = Type.Object(chosenModel, { additionalProperties: false })

const ofEmbedding = { ...chosenModel, ...vectorFormat }
export const EmbeddingParameters = Type.Object(ofEmbedding, { additionalProperties: false })
export const EmbeddingForm = Type.Object({ image: BinaryImage, ...ofEmbedding })
export const EmbeddingBody = Type.Object(
  { image: Type.Optional(Base64Image), url: Type.Optional(ImageUrl), ...ofEmbedding },
  { additionalProperties: false, minProperties: 1, examples: [{ image: exampleBase64 }] },
)

export const EmbeddingAnswer = named(
  'EmbeddingAnswer',
  Type.Object(
    {
      modelId: Type.String({ description: 'Vectors of different models are never compared.' }),
      vector: shownVector('Unit length; a search accepts it as `vector`.'),
      labels: Type.Array(Type.Object({ label: Type.String(), probability: Type.Number({ minimum: 0, maximum: 1 }) }), {
        description: 'The five most likely classes, of those the model was trained on.',
      }),
    },
    {
      examples: [
        {
          modelId: '5d1c0a7b9e3f4a62',
          vector: [0.0131, -0.0274, 0.0892],
          labels: [{ label: 'cycling', probability: 0.91 }],
        },
      ],
    },
  ),
)

export const CompareForm = Type.Object({
  image: Type.Array(BinaryImage, { minItems: 2, maxItems: 2 }),
  ...chosenModel,
})
export const CompareBody = Type.Object(
  {
    images: Type.Optional(Type.Array(Base64Image, { maxItems: 2, description: 'The two pictures.' })),
    urls: Type.Optional(Type.Array(ImageUrl, { maxItems: 2, description: 'Or their URLs; one of each also works.' })),
    ...chosenModel,
  },
  { additionalProperties: false, minProperties: 1, examples: [{ images: [exampleBase64, exampleBase64] }] },
)

export const CompareAnswer = named(
  'CompareAnswer',
  Type.Object(
    {
      modelId: Type.String(),
      score: Type.Number({ description: 'Cosine similarity, −1 to 1; rounded to 1 or −1 within 10⁻⁶.' }),
      nearCopyScore: NearCopyScore,
      pSame: Type.Optional(
        Type.Number({
          description: 'Probability that they share a label; absent if the model is not calibrated.',
        }),
      ),
      calibration: Type.Optional(reference(Calibration)),
    },
    {
      examples: [
        {
          modelId: '5d1c0a7b9e3f4a62',
          score: 0.8127,
          nearCopyScore: 0.1641,
          pSame: 0.8431,
          calibration: { split: 'val', positivePairs: 52_277, negativePairs: 740_880, reliable: true },
        },
      ],
    },
  ),
)
