/** The rule of the pixel path, part of every model: one schema for its type, its check and its hash. */
import { type Static, Type } from 'typebox'

/**
 * How bytes become the square that the network sees. The same rule runs in training, calibration
 * and serving (`prepare.ts`); it is hashed into the model id, so a change makes a new model.
 */
export const Preprocessing = Type.Object(
  {
    /** Side of the network's square input, pixels. */
    inputSize: Type.Integer({ minimum: 8, maximum: 1024 }),
    /** `cover`: short side to `resizeShortSide`, then centre crop. `squash`: whole picture to the square. */
    fit: Type.Union([Type.Literal('cover'), Type.Literal('squash')]),
    /** Short side after the resize of `cover`, pixels, ≥ inputSize. */
    resizeShortSide: Type.Integer({ minimum: 8, maximum: 1280 }),
    kernel: Type.Union([Type.Literal('linear'), Type.Literal('cubic'), Type.Literal('lanczos3')]),
    /** Per channel RGB on the 0..255 scale: the graph computes (x − mean) / std itself. */
    mean: Type.Array(Type.Number(), { minItems: 3, maxItems: 3 }),
    std: Type.Array(Type.Number({ exclusiveMinimum: 0 }), { minItems: 3, maxItems: 3 }),
  },
  { additionalProperties: false },
)
export type Preprocessing = Static<typeof Preprocessing>
