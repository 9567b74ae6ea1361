-- An account with another provider by which its user signs in. Who somebody is there is the issuer and the subject, never an address.
CREATE TABLE "identities" (
  "id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "session_id" UUID,
  "provider" TEXT NOT NULL,
  "issuer" TEXT NOT NULL,
  "subject" TEXT NOT NULL,
  "email" TEXT,
  "linked_at" TIMESTAMPTZ(3) NOT NULL,
  "last_used_at" TIMESTAMPTZ(3),
  CONSTRAINT "identities_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "identities_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE UNIQUE INDEX "identities_issuer_subject_key" ON "identities" ("issuer", "subject");
CREATE INDEX "identities_user_id_id_idx" ON "identities" ("user_id", "id");

-- A sign-in that is on its way through a provider. `user_id` and `session_id`: who began it to link; null: to sign in. The code verifier and
-- the nonce are not here: they are MACs of the state, which is kept as a digest alone.
CREATE TABLE "oauth_states" (
  "id" UUID NOT NULL,
  "state_hash" BYTEA NOT NULL,
  "provider" TEXT NOT NULL,
  "redirect_uri" TEXT NOT NULL,
  "binding" BYTEA NOT NULL,
  "user_id" UUID,
  "session_id" UUID,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "used_at" TIMESTAMPTZ(3),
  CONSTRAINT "oauth_states_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "oauth_states_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE UNIQUE INDEX "oauth_states_state_hash_key" ON "oauth_states" ("state_hash");
CREATE INDEX "oauth_states_user_id_idx" ON "oauth_states" ("user_id");
CREATE INDEX "oauth_states_expires_at_idx" ON "oauth_states" ("expires_at");
