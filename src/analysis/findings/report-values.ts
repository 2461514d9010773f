/** Value schemas shared by the analysis reports. */
import { Type } from 'typebox'

export const Count = (description: string) => Type.Integer({ minimum: 0, description })
export const Share = (description: string) => Type.Number({ minimum: 0, maximum: 1, description })
export const Score = (description: string) => Type.Number({ minimum: -1, maximum: 1, description })
export const Label = Type.Union([Type.String(), Type.Null()], { description: 'null: unlabelled.' })
export const Id = Type.String({ description: 'Id of a picture.' })
