// Jobs files: YAML or JSON, one job a document or a list of jobs, in the words of job-input.ts.
import { type Entry, readEntries } from './documents.ts';
import { FileError, type FileProblem } from './file-error.ts';
import { type BuiltJob, readJob } from './job-builder.ts';

export interface FileJob extends BuiltJob {
  /** Where it stands, for findings of the controller. */
  readonly entry: Entry;
}

/** All jobs of a file. Throws FileError with every wrong key and value of the whole file. */
export function parseJobsFile(source: string, file: string): FileJob[] {
  const problems: FileProblem[] = [];
  const jobs: FileJob[] = [];
  const seen = new Map<string, Entry>();
  for (const entry of readEntries(source, file)) {
    const { job, findings } = readJob(entry.value, [], 'snake');
    problems.push(...findings.map((finding) => entry.locate(finding)));
    if (job === undefined) continue;
    const id = job.submission.jobId;
    const earlier = seen.get(`${job.tenant}/${id}`);
    if (id !== '' && earlier !== undefined) {
      const message = `job ${id} stands at line ${earlier.line} already`;
      problems.push(entry.locate({ path: ['id'], atKey: false, message }));
    }
    seen.set(`${job.tenant}/${id}`, entry);
    jobs.push({ ...job, entry });
  }
  if (problems.length > 0) {
    throw new FileError(problems.toSorted((a, b) => a.line - b.line || a.column - b.column));
  }
  if (jobs.length === 0) {
    throw new FileError([{ file, line: 1, column: 1, field: '', message: 'the file has no job' }]);
  }
  return jobs;
}
