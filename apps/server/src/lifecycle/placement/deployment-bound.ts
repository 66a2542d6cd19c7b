/** No deployment takes longer; until then nobody else touches its target. */
export const boundSeconds = 300
