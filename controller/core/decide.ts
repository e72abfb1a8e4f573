// Decide: whether what is asked happens, and what that means. Never changes anything; `now` and chance come with the command.
import { refuse } from '#domain/refusal.ts';
import type { AnswerOf, Command, Context, Outcome } from './command.ts';
import { accept } from './command.ts';
import { decideDeleteDataCenter, decidePutDataCenter } from './data-centers.ts';
import { decideDrainNode, decideLeave, decideMoveDataCenter } from './drains.ts';
import { decideChangeJobs, decideForgetJobs } from './jobs.ts';
import { decideDeleteLink, decidePutLink } from './links.ts';
import { decideCordonNode, decideReportNodes } from './nodes.ts';
import {
  decideCreateToken,
  decideInviteUser,
  decideNoteCertificate,
  decideRevokeUser,
  decideUseToken,
} from './people.ts';
import { decidePlace } from './place.ts';
import { decideExpireLease, decideForgetRun, decideJoin, decideReportRuns } from './runs.ts';
import type { State } from './state.ts';
import { decideSubmitJobs } from './submit.ts';
import { decideDeleteTenant, decidePutTenant } from './tenants.ts';

export function decide<C extends Command>(
  state: State,
  command: C,
  context: Context,
): Outcome<AnswerOf<C['kind']>> {
  // The table of Commands pairs each kind with its answer, and each case below returns that of its kind.
  return decideAny(state, command, context) as Outcome<AnswerOf<C['kind']>>;
}

function decideAny(state: State, command: Command, { nowMs, actor }: Context): Outcome<unknown> {
  switch (command.kind) {
    case 'foundFederation': {
      if (state.federation !== '' && command.incarnation <= state.incarnation) {
        return refuse(
          'ALREADY_EXISTS',
          'FEDERATION_EXISTS',
          `federation ${state.federation} exists`,
        );
      }
      const { federation, incarnation } = command;
      return accept(
        [{ kind: { $case: 'federationFounded', value: { federation, incarnation } } }],
        undefined,
      );
    }
    case 'putTenant':
      return decidePutTenant(state, command, nowMs);
    case 'deleteTenant':
      return decideDeleteTenant(state, command);
    case 'inviteUser':
      return decideInviteUser(state, command, nowMs);
    case 'revokeUser':
      return decideRevokeUser(state, command);
    case 'createToken':
      return decideCreateToken(state, command, nowMs);
    case 'useToken':
      return decideUseToken(state, command, nowMs);
    case 'noteCertificate':
      return decideNoteCertificate(state, command);
    case 'putDataCenter':
      return decidePutDataCenter(state, command, nowMs);
    case 'deleteDataCenter':
      return decideDeleteDataCenter(state, command);
    case 'moveDataCenter':
      return decideMoveDataCenter(state, command);
    case 'leaveDataCenter':
      return decideLeave(state, command);
    case 'cordonNode':
      return decideCordonNode(state, command);
    case 'drainNode':
      return decideDrainNode(state, command);
    case 'putLink':
      return decidePutLink(state, command);
    case 'deleteLink':
      return decideDeleteLink(state, command);
    case 'submitJobs':
      return decideSubmitJobs(state, command);
    case 'changeJobs':
      return decideChangeJobs(state, command, actor);
    case 'forgetRun':
      return decideForgetRun(state, command, actor, nowMs);
    case 'place':
      return decidePlace(state, command);
    case 'joinDataCenter':
      return decideJoin(state, command, nowMs);
    case 'reportRuns':
      return decideReportRuns(state, command, nowMs);
    case 'reportNodes':
      return decideReportNodes(state, command);
    case 'expireLease':
      return decideExpireLease(state, command, nowMs);
    case 'forgetJobs':
      return decideForgetJobs(state, command);
    default:
      return command satisfies never;
  }
}
