// What the edge needs of the core to make commands and to read the state that answers them.
export { classKeyOf } from '#core/class-key.ts';
export type { AnswerOf, ChangeJobs, Command, SubmitAnswer, SubmitItem } from '#core/command.ts';
export type { DataCenter, State } from '#core/state.ts';
