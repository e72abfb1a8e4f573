// Words of enums, where people are told of them.

/** isobar.v1.Classification from 1 on. */
export const CLEARANCES = ['PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'SECRET'] as const;
