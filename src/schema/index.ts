/** Every noun, so that the resolvers find them built. */
import './scalars.ts';
import './problems.ts';
import './users/inputs.ts';
import './users/results.ts';
import './passwords/passwords.ts';
import './login/login.ts';
import './identities/identities.ts';
import './sessions/sessions.ts';
import './access/access.ts';
import './access/roles.ts';
import './administration/administration.ts';
import './audit/audit.ts';
import './service/service-info.ts';
import './services/services.ts';
import './webhooks/webhooks.ts';
