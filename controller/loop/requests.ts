// What the edge needs of the core to make commands and to read the state that answers them.
export { classKeyOf } from '#core/class-key.ts';
export type {
  AnswerOf,
  ChangeJobs,
  Command,
  CommandOf,
  SubmitAnswer,
  SubmitItem,
} from '#core/command.ts';
export type { DataCenter, State, Tenant } from '#core/state.ts';
