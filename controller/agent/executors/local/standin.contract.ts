// An agent in a process of its own, to be killed: `node standin.contract.ts STATE_DIR ISOLATION LEASE_MS COMMAND…` opens the
// executor, sets the fence once, starts one run (job 1) of the command and says `running` when it runs.
// With a lease of 0 the run has none.
import { RunState } from '#domain/states.ts';
import { assignmentOf, key } from '../agent.contract.ts';
import { DEMO_SITE } from '../site.ts';
import { LocalExecutor } from './local.ts';
import { machineClock } from './machine.contract.ts';
import { ISOLATION_KINDS } from './trees.ts';

const [stateDir = '', kind = '', lease = '', ...command] = process.argv.slice(2);
const isolation = ISOLATION_KINDS.find((each) => each === kind) ?? 'marker';
const leaseMs = Number(lease);
const executor = new LocalExecutor({ stateDir, clock: machineClock, site: DEMO_SITE, isolation });
await executor.open({
  runChanged: (report) => {
    if (report.phase === RunState.RUNNING) console.log('running');
  },
  nodesChanged: () => {},
});
const deadlineMs = machineClock.bootMs() + leaseMs;
if (leaseMs > 0) executor.setFence(deadlineMs);
console.log(`deadline ${deadlineMs}`);
executor.start({ ...assignmentOf(key(1), [{ command }]), withoutLease: leaseMs === 0 });
