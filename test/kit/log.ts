/** What a log says, kept to be looked at. */
import { Writable } from 'node:stream';

/** `hear` is called with each line. */
export const keepLog = (hear: (line: string) => void = () => {}): { readonly destination: Writable; text(): string } => {
  let said = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      said += String(chunk);
      for (const line of String(chunk).split('\n').filter(Boolean)) hear(line);
      done();
    },
  });
  return { destination, text: () => said };
};
