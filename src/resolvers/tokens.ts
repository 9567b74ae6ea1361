/** The tokens room's verbs. */
import { builder } from '../schema/builder.ts';

builder.mutationField('rotateSigningKey', (t) =>
  t.withAuth({ permission: 'keys.rotate' }).boolean({
    door: { permission: 'keys.rotate' },
    description: 'The next key signs from now on; tokens of the old one stay valid until they are over.',
    resolve: async (_root, _args, { auth, caller }) => (await auth.tokens.rotate(caller)) !== null,
  }),
);
