/** Limits of looking at lakes and of collecting their garbage: unit, finite value, reason. */

export const limits = {
  /** Tables that one look reports: the rest has its turn when these are in order. */
  tablesPerSurvey: 200,
  /** Files on their way out that are remembered per lake; more are found when these are gone. */
  candidatesMax: 20_000,
  /** Files that one look condemns, and the next deletes. */
  condemnMax: 1_000,
  /** Deletions under way at once. */
  parallelDeletes: 8,
} as const;
