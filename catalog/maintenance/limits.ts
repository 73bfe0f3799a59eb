/** Limits of looking at lakes and of collecting their garbage: unit, finite value, reason. */

export const limits = {
  /** Tables that one look reports: the rest has its turn when these are in order. */
  tablesPerSurvey: 200,
} as const;
