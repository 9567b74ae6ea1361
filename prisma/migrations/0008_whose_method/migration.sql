-- Which session set a second factor up: whoever disowns a sign-in is rid of what it added.
ALTER TABLE "mfa_methods" ADD COLUMN "session_id" UUID;
