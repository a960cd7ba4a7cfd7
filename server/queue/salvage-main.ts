// Run as a process: checks the database of jobs that is named and recovers it into the second file; prints the report as JSON.
import { salvage } from './salvage.ts';

const [file, target] = process.argv.slice(2);
process.stdout.write(JSON.stringify(salvage(file, target)));
