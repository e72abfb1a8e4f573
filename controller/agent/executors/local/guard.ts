// The guard: a small shell beside the supervisor, in a session of its own. Once a second it looks whether the supervisor is
// alive and starts it again when not; and three seconds behind the fence it kills what has a lease itself, because then
// the supervisor hangs or cannot be started.
//
// So each of agent, supervisor and guard may be killed with -9 at any time, also agent and supervisor at once: supervisor
// and guard start each other again, the agent's fence holds, and output is trimmed. Who kills supervisor and guard within
// the same second, with no agent, leaves tasks that run on until an agent opens the state directory again; their exit
// statuses are still kept. One guard serves all runs: a process for each would cost more than it guards.
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, closeSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Layout, MARKER } from './layout.ts';
import { SITE_PATH } from './programs.ts';

/** In the directory `control`. Arguments: the state's id, then how a supervisor is started. */
const SCRIPT = `id=$1
shift
now_boot=$(cat /proc/sys/kernel/random/boot_id)
is_alive() {
  read -r stat <"/proc/$1/stat" || return 1
  stat=\${stat##*) }
  started=$2
  set -- $stat
  [ "$1" != Z ] && [ "\${20}" = "$started" ]
} 2>/dev/null
kill_leased() {
  for journal in runs/*; do
    run=\${journal#runs/}
    lease= cgroup= tasks=
    while read -r word a b c; do
      case $word in
      begin) lease=$a cgroup=$c ;;
      task) tasks="$tasks $a:$b:$c" ;;
      final) lease= ;;
      esac
    done <"$journal"
    [ "$lease" = leased ] || continue
    for task in $tasks; do
      rank=\${task%%:*}
      pid=\${task#*:}
      started=\${pid#*:}
      pid=\${pid%:*}
      is_alive "$pid" "$started" && kill -KILL -- "-$pid"
      [ -n "$cgroup" ] && echo 1 >"$cgroup/$run.$rank/cgroup.kill"
    done
    grep -lzs "^${MARKER}=$run\\.[0-9]*@$id\\$" /proc/[0-9]*/environ |
      while IFS=/ read -r _ _ pid _; do kill -KILL "$pid"; done
  done
} 2>/dev/null
tries=0
while sleep 1; do
  read -r guard 2>/dev/null <guard || exit 0
  [ "$guard" = "$$" ] || exit 0
  if read -r pid started _ 2>/dev/null <supervisor && is_alive "$pid" "$started"; then
    tries=0
  else
    [ $((tries % 5)) = 0 ] && { "$@" </dev/null >>supervisor.log 2>&1 & }
    tries=$((tries + 1))
  fi
  read -r boot deadline 2>/dev/null <lease || continue
  [ "$boot" = "$now_boot" ] || continue
  read -r uptime _ </proc/uptime
  [ $((\${uptime%.*} * 1000)) -gt $((deadline + 3000)) ] && kill_leased
done`;

/** The newest guard is the one whose pid is in the file; any other ends within a second. */
export function startGuard(layout: Layout, supervisor: readonly string[]): ChildProcess {
  const errors = openSync(join(layout.control, 'supervisor.log'), 'a', 0o600);
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'isobar-guard', layout.id, ...supervisor], {
    cwd: layout.control,
    env: { PATH: process.env['PATH'] ?? SITE_PATH },
    stdio: ['ignore', 'ignore', errors],
    detached: true,
  });
  closeSync(errors);
  writeFileSync(join(layout.control, 'guard'), `${child.pid ?? 0}\n`, { mode: 0o600 });
  return child;
}
