/** `npm start`: reads the configuration, opens the house, says where it is, and takes it down on SIGINT or SIGTERM. */
import { ConfigError, readConfig } from './config.ts';
import { openHouse, publicUrlOf } from './house.ts';
import { createLog } from './infra/log.ts';
import { StartError } from './infra/ports.ts';

/** Told to a person at a terminal, beside the structured log. */
const say = (text: string) => process.stdout.write(`${text}\n`);

const start = async (): Promise<void> => {
  const config = readConfig();
  const log = createLog(config);
  const began = performance.now();
  const house = await openHouse(config, log);

  let closing = false;
  const stop = (signal: string) => {
    if (closing) return;
    closing = true;
    log.info({ signal }, 'stopping');
    house.close().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal));

  const url = publicUrlOf(config);
  say(`Latchkey is ready after ${Math.round(performance.now() - began)} ms.`);
  say(`  GraphQL:      ${url}/graphql${config.production ? '' : ' (GraphiQL in a browser)'}`);
  if (house.grpc) say(`  gRPC:         ${config.HOST}:${house.grpc.port}`);
  if (house.infra.inbox) say(`  Mail:         ${url}/inbox (development inbox; set SMTP_URL to send)`);
  if (!(await house.auth.access.hasSuperadmin())) {
    say(
      config.BOOTSTRAP_ADMIN_EMAIL
        ? `  First admin:  whoever registers and verifies ${config.BOOTSTRAP_ADMIN_EMAIL}`
        : `  First admin:  ${url}/bootstrap?token=${house.auth.access.firstAdministrator.token} (or set BOOTSTRAP_ADMIN_EMAIL)`,
    );
  }
};

start().catch((error: unknown) => {
  const known = error instanceof ConfigError || error instanceof StartError;
  process.stderr.write(`${known ? (error as Error).message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
